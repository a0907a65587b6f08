"""Who may push: epochs, standbys, leases. Kills of real processes are in test_survival."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from riverrun_param_server.settings import ParamServerSettings

from riverrun.core.errors import Fenced, NotFound, RiverrunError, Unavailable
from riverrun.core.events import OffsetRange, Stream, Suspect
from riverrun.rpc.trainer_session import TrainerSession, open_session
from tests.integration.param_server.param_stack import (
    DEADLINE_S,
    OTHER_LINE,
    OTHER_POLICY,
    SPEC,
    Stack,
    Units,
    a_push,
    change,
    eventually,
    stack_over,
)


async def until_over(session: TrainerSession) -> RiverrunError:
    """The error that the session ends with."""
    with pytest.raises(RiverrunError) as caught:
        async for _ in session.changed_specs():
            pass
    return caught.value


@contextlib.asynccontextmanager
async def reporting(session: TrainerSession):
    """Report progress for as long as the block runs."""

    async def report() -> None:
        while True:
            await session.report(examples=1)
            await asyncio.sleep(0.2)

    task = asyncio.create_task(report())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_reports_and_pushes_may_be_sent_at_once(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    units = Units()
    async with open_session(stack.client, "flights", 1, "t") as session:
        hearing = asyncio.create_task(until_over(session))
        for base in range(20):
            push = a_push(units, base=base, epoch=session.opened.epoch, serving=change(1, to=b"%d" % base))
            reports = (session.report(examples=base) for _ in range(3))
            pushed, *_ = await asyncio.gather(session.push(push), *reports)
            assert pushed is not None
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)


async def test_epochs_rise_and_never_repeat_across_restarts(settings: ParamServerSettings) -> None:
    epochs = []
    for _ in range(3):
        async with stack_over(settings) as stack:
            await stack.client.register_model(SPEC)
            for _ in range(2):
                async with open_session(stack.client, "flights", 1, "t") as session:
                    epochs.append(session.opened.epoch)

    assert epochs == [1, 2, 3, 4, 5, 6]


async def test_a_standby_takes_over_when_the_present_trainer_goes(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    epochs: dict[str, int] = {}
    release = asyncio.Event()

    async def standby() -> None:
        async with open_session(stack.client, "flights", 1, "standby") as session:
            epochs["standby"] = session.opened.epoch
            await release.wait()

    async with open_session(stack.client, "flights", 1, "first") as session, reporting(session):
        epochs["first"] = session.opened.epoch
        waiting = asyncio.create_task(standby())
        await asyncio.sleep(0.3)
        assert "standby" not in epochs
    await eventually(lambda: "standby" in epochs)
    release.set()
    await waiting

    assert epochs == {"first": 1, "standby": 2}


@pytest.fixture
async def lapsing(settings: ParamServerSettings) -> AsyncIterator[Stack]:
    """A server that gives a session up soon."""
    async with stack_over(settings.model_copy(update={"lease_s": 1.0})) as stack:
        yield stack


async def test_a_trainer_that_reports_nothing_loses_its_session_to_the_standby(lapsing: Stack) -> None:
    stack = lapsing
    await stack.client.register_model(SPEC)
    units = Units()

    async with (
        open_session(stack.client, "flights", 1, "stuck") as stuck,
        open_session(stack.client, "flights", 1, "standby") as standby,
    ):
        error = await until_over(stuck)
        with pytest.raises(Fenced):
            await stack.client.push(
                a_push(units.copy(), base=0, epoch=stuck.opened.epoch, serving=change(0, to=b"old"))
            )
        pushed = await stack.client.push(
            a_push(units, base=0, epoch=standby.opened.epoch, serving=change(0, to=b"new"))
        )

    assert isinstance(error, Fenced)
    assert error.line == 1
    assert pushed.version == 1


async def test_a_trainer_that_comes_back_takes_over_from_itself_at_once(stack: Stack) -> None:
    await stack.client.register_model(SPEC)

    async with (
        open_session(stack.client, "flights", 1, "me") as old,
        reporting(old),
        open_session(stack.client, "flights", 1, "me") as new,
    ):
        assert isinstance(await until_over(old), Fenced)
        assert new.opened.epoch == old.opened.epoch + 1


async def test_a_session_resumes_from_the_head_and_its_positions(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    positions = {Stream.EXAMPLES: {0: 42}}
    async with open_session(stack.client, "flights", 1, "t") as session:
        fresh = session.opened
        push = a_push(Units(), base=0, epoch=fresh.epoch, serving=change(0, to=b"a"), positions=positions)
        await stack.client.push(push)

    async with open_session(stack.client, "flights", 1, "t") as session:
        opened = session.opened

    assert (fresh.head, fresh.positions, fresh.spec_yaml) == (None, {}, SPEC)
    assert opened.head is not None
    assert (opened.head.version, opened.positions) == (1, positions)


async def test_what_was_attempted_when_a_session_ended_is_suspected_until_a_version_contains_it(
    settings: ParamServerSettings,
) -> None:
    suspected = OffsetRange(Stream.EXAMPLES, 0, 7, 8)
    found = []
    units, head = Units(), 0
    for number in range(4):
        # What is known outlives the server.
        async with stack_over(settings) as stack:
            await stack.client.register_model(SPEC)
            async with open_session(stack.client, "flights", 1, f"t{number}") as session:
                found.append((session.opened.unclean_end, session.opened.suspects))
                hearing = asyncio.create_task(until_over(session))
                await session.attempt(suspected)
                if number == 2:
                    push = a_push(
                        units,
                        base=head,
                        epoch=session.opened.epoch,
                        serving=change(0, to=b"a"),
                        positions={Stream.EXAMPLES: {0: 8}},
                    )
                    await stack.client.push(push)
                    await session.goodbye(DEADLINE_S)
                hearing.cancel()
                await asyncio.gather(hearing, return_exceptions=True)

    assert found == [
        (False, ()),
        (True, (Suspect(suspected, 1),)),
        (True, (Suspect(suspected, 2),)),
        (False, ()),
    ]


async def test_a_trainer_whose_link_broke_is_held_against_no_event(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    async with open_session(stack.client, "flights", 1, "t") as session:
        epoch = session.opened.epoch

    async with open_session(stack.client, "flights", 1, "t", epoch) as session:
        assert not session.opened.unclean_end
    # Another trainer was there in between: what became of it, nobody said.
    async with open_session(stack.client, "flights", 1, "t", epoch) as session:
        assert session.opened.unclean_end


async def test_a_trainer_that_lapsed_is_not_believed(lapsing: Stack) -> None:
    stack = lapsing
    await stack.client.register_model(SPEC)
    async with open_session(stack.client, "flights", 1, "t") as session:
        await until_over(session)
        epoch = session.opened.epoch

    async with open_session(stack.client, "flights", 1, "t", epoch) as session:
        assert session.opened.unclean_end


async def test_an_attempt_at_nothing_is_not_noted(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    async with open_session(stack.client, "flights", 1, "t") as session:
        hearing = asyncio.create_task(until_over(session))
        with pytest.raises(Unavailable, match="no answer"):
            await session.attempt(OffsetRange(Stream.EXAMPLES, 0, 7, 7), deadline_s=0.2)
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)


async def test_changed_policies_are_told_to_the_session(stack: Stack) -> None:
    await stack.client.register_model(SPEC)

    async with open_session(stack.client, "flights", 1, "t") as session, reporting(session):
        await stack.client.register_model(OTHER_POLICY)
        async with asyncio.timeout(60):
            told = await anext(session.changed_specs())

    assert told == OTHER_POLICY
    assert (await stack.client.list_models())[0].spec_revision == 2


async def test_promoting_the_other_line_fences_the_old_trainer_and_says_where_to_go_on(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    await stack.client.register_model(OTHER_LINE)
    async with open_session(stack.client, "flights", 2, "new") as new:
        push = a_push(Units(), base=0, epoch=new.opened.epoch, line=2, serving=change(0, to=b"a"))
        await stack.client.push(push)

    async with open_session(stack.client, "flights", 1, "old") as old, reporting(old):
        await stack.client.set_channel("flights", "live", follow_line=2)
        error = await until_over(old)

    assert isinstance(error, Fenced)
    assert error.line == 2
    with pytest.raises(Fenced) as caught:
        async with open_session(stack.client, "flights", 1, "old"):
            pass
    assert caught.value.line == 2


async def test_a_problem_is_shown_with_the_model_until_the_next_session(stack: Stack) -> None:
    await stack.client.register_model(SPEC)

    async def problem() -> str:
        return (await stack.client.list_models())[0].problem

    async with open_session(stack.client, "flights", 1, "t") as session:
        await session.report(examples=0, problem="no such factory")
        async with asyncio.timeout(60):
            while await problem() != "no such factory":
                await asyncio.sleep(0.01)
    async with open_session(stack.client, "flights", 1, "t"):
        assert await problem() == ""


async def test_sessions_of_unknown_models_and_lines_are_refused(stack: Stack) -> None:
    with pytest.raises(NotFound, match="nobody"):
        async with open_session(stack.client, "nobody", 1, "t"):
            pass
    await stack.client.register_model(SPEC)
    with pytest.raises(NotFound, match="line '9'"):
        async with open_session(stack.client, "flights", 9, "t"):
            pass


async def test_deleting_a_model_ends_its_sessions(stack: Stack) -> None:
    await stack.client.register_model(SPEC)

    async with open_session(stack.client, "flights", 1, "t") as session, reporting(session):
        await stack.client.delete_model("flights")
        error = await until_over(session)

    assert isinstance(error, NotFound)
    assert await stack.client.list_models() == []
    info, opened = await stack.client.register_model(SPEC)
    assert (info.lines[0].epoch, opened) == (1, False)
