"""A retrain's line, from its start to what it came to, over real gRPC; who learns it is shown elsewhere."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator

import pytest
from riverrun_param_server.retraining.decisions import RetrainWish
from riverrun_param_server.settings import ParamServerSettings

from riverrun.core.errors import AlreadyExists, Exhausted, Fenced, InvalidInput, NotFound, NotReady
from riverrun.core.events import Stream
from riverrun.core.retraining import RetrainPhase, RetrainProgress, RetrainState
from riverrun.core.versions import Line
from riverrun.rpc.channels import open_channel
from riverrun.rpc.retrain_client import RetrainClient
from riverrun.rpc.trainer_session import open_session
from tests.integration.param_server.house import SECOND, House
from tests.integration.param_server.param_stack import (
    OTHER_LINE,
    SPEC,
    Stack,
    Units,
    a_push,
    change,
    stack_over,
)

POSITION = {Stream.EXAMPLES: {0: 10}}
WARM = SPEC + "retrain: {warm: true, history: {files: [a.parquet], until: '2026-01-01T00:00:00Z'}}\n"
EAGER = SPEC + "retrain: {cool_down: 0s}\n"


@pytest.fixture
async def retrains(stack: Stack) -> AsyncIterator[RetrainClient]:
    async with open_channel(stack.address) as channel:
        yield RetrainClient(channel)


async def learned(stack: Stack, spec: str = SPEC, *, line: int = 1, base: int = 0) -> int:
    """One version on the line, ten examples in; its number."""
    await stack.client.register_model(spec)
    async with open_session(stack.client, "flights", line, "t") as session:
        push = a_push(
            Units(),
            base=base,
            epoch=session.opened.epoch,
            line=line,
            serving=change(0, to=b"line %d" % line),
            positions=POSITION,
        )
        return (await stack.client.push(push)).version


async def learned_more(stack: Stack, *, line: int) -> int:
    """One version on a line whose spec is registered."""
    [info] = await stack.client.list_models()
    return await learned(stack, info.spec_yaml, line=line)


async def lines(stack: Stack) -> dict[int, Line]:
    [info] = await stack.client.list_models()
    return {line.number: line for line in info.lines}


async def live(stack: Stack) -> tuple[int, int | None]:
    [info] = await stack.client.list_models()
    channel = info.channel("live")
    assert channel is not None
    return channel.version, channel.follows


async def test_it_starts_from_nothing_beside_live_and_fences_nobody(
    stack: Stack, retrains: RetrainClient
) -> None:
    await learned(stack)
    async with open_session(stack.client, "flights", 1, "t") as trainer:
        retrain = await retrains.start("flights", "the season changed")

        assert (retrain.line, retrain.state, retrain.automatic) == (2, RetrainState.RUNNING, False)
        assert (await lines(stack))[2].retrain
        assert await live(stack) == (1, 1)
        async with open_session(stack.client, "flights", 2, "r") as runner:
            assert (runner.opened.head, runner.opened.positions) == (None, {})
            push = a_push(Units(), base=0, epoch=runner.opened.epoch, line=2, serving=change(0, to=b"new"))
            assert (await stack.client.push(push)).moved == ()
        await trainer.report(examples=0)
    assert await live(stack) == (1, 1)


async def test_two_at_once_are_refused_naming_the_one_under_way(
    stack: Stack, retrains: RetrainClient
) -> None:
    await learned(stack)
    await retrains.start("flights")

    with pytest.raises(AlreadyExists, match="line 2 of flights"):
        await retrains.start("flights")


async def test_before_live_has_a_version_none_is_started(stack: Stack, retrains: RetrainClient) -> None:
    await stack.client.register_model(SPEC)

    with pytest.raises(NotReady):
        await retrains.start("flights")


async def test_taking_over_moves_live_closes_the_old_line_and_says_where_learning_goes_on(
    stack: Stack, retrains: RetrainClient
) -> None:
    await learned(stack)
    await retrains.start("flights")
    version = await learned(stack, line=2)
    async with open_session(stack.client, "flights", 1, "t") as trainer:
        epoch = (await lines(stack))[2].epoch

        retrain = await retrains.finish("flights", 2, epoch, take_over=True, outcome="better by 0.1")

        assert (retrain.state, retrain.outcome) == (RetrainState.TOOK_OVER, "better by 0.1")
        assert await live(stack) == (version, 2)
        with pytest.raises(Fenced) as fenced:
            async for _ in trainer.changed_specs():
                pass
        assert fenced.value.line == 2
    after = await lines(stack)
    assert (after[1].closed, after[2].closed, after[2].retrain) == (True, False, False)
    assert (await stack.client.get_version("flights", version)).good
    assert await retrains.finish("flights", 2, epoch, take_over=True, outcome="again") == retrain


async def test_while_live_is_held_nothing_takes_over(stack: Stack, retrains: RetrainClient) -> None:
    await learned(stack)
    await retrains.start("flights")
    await learned(stack, line=2)
    epoch = (await lines(stack))[2].epoch
    await stack.client.set_channel("flights", "live", hold_here=True)

    with pytest.raises(NotReady, match="live is held"):
        await retrains.finish("flights", 2, epoch, take_over=True, outcome="better")

    assert await live(stack) == (1, None)
    await stack.client.set_channel("flights", "live", follow=True)
    assert (await retrains.finish("flights", 2, epoch, take_over=True, outcome="better")).ended_ns


async def test_where_a_gate_enforces_candidate_goes_with_live(stack: Stack, retrains: RetrainClient) -> None:
    await learned(stack, SPEC + "gate: {mode: enforce}\n")
    await retrains.start("flights")
    await learned_more(stack, line=2)
    epoch = (await lines(stack))[2].epoch

    await retrains.finish("flights", 2, epoch, take_over=True, outcome="better")

    [info] = await stack.client.list_models()
    assert {channel.name: channel.follows for channel in info.channels} == {"live": 2, "candidate": 2}
    assert (await lines(stack))[1].closed


async def test_one_that_is_given_up_leaves_live_as_it_was(stack: Stack, retrains: RetrainClient) -> None:
    await learned(stack)
    await retrains.start("flights")
    await learned(stack, line=2)
    epoch = (await lines(stack))[2].epoch

    retrain = await retrains.finish("flights", 2, epoch, take_over=False, outcome="worse by 0.2")

    assert (retrain.state, retrain.outcome) == (RetrainState.ABANDONED, "worse by 0.2")
    assert (await lines(stack))[2].closed
    assert await live(stack) == (1, 1)
    with pytest.raises(Fenced):
        await retrains.report("flights", 2, epoch, RetrainProgress(RetrainPhase.HISTORY))


async def test_a_process_of_an_older_epoch_decides_nothing(stack: Stack, retrains: RetrainClient) -> None:
    await learned(stack)
    await retrains.start("flights")
    await learned(stack, line=2)
    epoch = (await lines(stack))[2].epoch

    for take_over in (True, False):
        with pytest.raises(Fenced):
            await retrains.finish("flights", 2, epoch - 1, take_over=take_over, outcome="")

    assert (await retrains.list("flights"))[0].state is RetrainState.RUNNING


async def test_cancelling_ends_the_session_of_whoever_runs_it(stack: Stack, retrains: RetrainClient) -> None:
    await learned(stack)
    await retrains.start("flights")
    async with open_session(stack.client, "flights", 2, "r") as runner:
        retrain = await retrains.cancel("flights", "enough")

        assert (retrain.state, retrain.outcome) == (RetrainState.CANCELLED, "enough")
        with pytest.raises(Fenced):
            async for _ in runner.changed_specs():
                pass
    with pytest.raises(NotFound):
        await retrains.cancel("flights")
    assert (await retrains.start("flights")).line == 3


async def test_how_far_it_is_is_told_while_its_teller_trains_it(
    stack: Stack, retrains: RetrainClient
) -> None:
    await learned(stack)
    await retrains.start("flights")
    assert (await retrains.list("flights"))[0].progress is None
    async with open_session(stack.client, "flights", 2, "r") as runner:
        progress = RetrainProgress(RetrainPhase.COMPARING, 70, 3, 20, -0.1, -0.2, 0.05, "held")

        await retrains.report("flights", 2, runner.opened.epoch, progress)

        assert (await retrains.list("flights"))[0].progress == progress

    async with open_session(stack.client, "flights", 2, "another"):
        assert (await retrains.list("flights"))[0].progress is None


async def test_a_warm_one_goes_on_from_live(stack: Stack, retrains: RetrainClient) -> None:
    version = await learned(stack, WARM)

    await retrains.start("flights")

    async with open_session(stack.client, "flights", 2, "r") as runner:
        assert runner.opened.head is not None
        assert runner.opened.head.version == version
        assert runner.opened.positions == POSITION
        assert runner.opened.since_ns == 0
    with pytest.raises(AlreadyExists):
        await retrains.start("flights")


async def test_since_is_kept_with_the_line_and_told_to_its_trainer(
    stack: Stack, retrains: RetrainClient
) -> None:
    await learned(stack)
    since = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    with pytest.raises(InvalidInput, match="past"):
        await retrains.start("flights", since=datetime.datetime(2226, 1, 1, tzinfo=datetime.UTC))

    retrain = await retrains.start("flights", since=since)

    assert retrain.since_ns == int(since.timestamp() * 1e9)
    async with open_session(stack.client, "flights", 2, "r") as runner:
        assert runner.opened.since_ns == retrain.since_ns


async def test_triggers_wait_for_the_cool_down_and_people_do_not(
    stack: Stack, retrains: RetrainClient
) -> None:
    await learned(stack)
    await retrains.start("flights", automatic=True)
    await retrains.cancel("flights")

    with pytest.raises(Exhausted, match="none within 1h"):
        await retrains.start("flights", automatic=True)

    assert (await retrains.start("flights")).state is RetrainState.RUNNING
    await retrains.cancel("flights")
    await stack.client.register_model(EAGER)
    assert (await retrains.start("flights", automatic=True)).automatic


async def test_triggers_keep_to_the_budget_which_all_retrains_use_up(
    stack: Stack, retrains: RetrainClient
) -> None:
    await learned(stack)
    await stack.client.register_model(EAGER.replace("0s", "0s, budget: {retrains: 2, per: 1h}"))
    for automatic in (True, False):
        await retrains.start("flights", automatic=automatic)
        await retrains.cancel("flights")

    with pytest.raises(Exhausted, match="2 per 1h"):
        await retrains.start("flights", automatic=True)

    assert (await retrains.start("flights")).state is RetrainState.RUNNING


async def test_one_that_is_promoted_by_hand_took_over(stack: Stack, retrains: RetrainClient) -> None:
    await learned(stack)
    await retrains.start("flights")
    version = await learned(stack, line=2)

    await stack.client.set_channel("flights", "live", follow_line=2)

    [retrain] = await retrains.list("flights")
    assert (retrain.state, retrain.outcome) == (RetrainState.TOOK_OVER, "promoted by hand")
    assert await live(stack) == (version, 2)
    assert not (await lines(stack))[2].retrain


async def test_a_reset_to_one_of_its_versions_ends_it(stack: Stack, retrains: RetrainClient) -> None:
    await learned(stack)
    await retrains.start("flights")
    version = await learned(stack, line=2)

    await stack.client.reset("flights", version, replay=False)

    [retrain] = await retrains.list("flights")
    assert retrain.state is RetrainState.CANCELLED


async def test_when_live_came_to_follow_another_spec_it_does_not_take_over(
    stack: Stack, retrains: RetrainClient
) -> None:
    await learned(stack)
    await retrains.start("flights")
    await learned(stack, line=2)
    await learned(stack, OTHER_LINE, line=3)
    await stack.client.set_channel("flights", "live", follow_line=3)
    epoch = (await lines(stack))[2].epoch

    with pytest.raises(InvalidInput, match="of another one"):
        await retrains.finish("flights", 2, epoch, take_over=True, outcome="better")

    assert (await live(stack))[1] == 3


async def test_it_is_there_again_after_a_restart(settings: ParamServerSettings) -> None:
    async with stack_over(settings) as stack, open_channel(stack.address) as channel:
        await learned(stack)
        before = await RetrainClient(channel).start("flights", "why not")
    async with stack_over(settings) as stack, open_channel(stack.address) as channel:
        assert await RetrainClient(channel).list("flights") == [before]
        assert (await lines(stack))[2].retrain


async def test_what_does_not_take_over_in_time_is_given_up(house: House) -> None:
    await house.push(0)
    retraining = house.server.retraining
    await retraining.start("flights", RetrainWish())
    await retraining.expire()
    assert retraining.list("flights")[0].state is RetrainState.RUNNING

    house.clock.now_ns += 86_401 * SECOND
    await retraining.expire()

    [retrain] = retraining.list("flights")
    assert (retrain.state, retrain.outcome) == (
        RetrainState.ABANDONED,
        "it did not take over within 1d",
    )
