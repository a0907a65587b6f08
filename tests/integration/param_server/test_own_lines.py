"""A state that was learned elsewhere gets a line of its own, in one step, beside the line that learns."""

from __future__ import annotations

from dataclasses import replace

import pytest
from riverrun_param_server.settings import ParamServerSettings

from riverrun.core.errors import DigestMismatch, Fenced, InvalidInput, RiverrunError, StaleBase
from riverrun.rpc.trainer_session import open_session
from riverrun.rpc.weights import Push
from tests.integration.param_server.param_stack import (
    OTHER_POLICY,
    SPEC,
    Stack,
    Units,
    a_push,
    change,
    held_by,
    stack_over,
)


def from_elsewhere(units: Units, *, to: bytes = b"elsewhere", revision: int = 1, push_id: str = "") -> Push:
    push = a_push(units, base=0, epoch=0, line=0, serving=change(0, 1, to=to), push_id=push_id)
    return replace(push, snapshot=True, spec_revision=revision)


async def places(stack: Stack) -> dict[str, tuple[int, int | None]]:
    [info] = await stack.client.list_models()
    return {channel.name: (channel.version, channel.follows) for channel in info.channels}


async def test_it_waits_on_candidate_and_fences_nobody(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    learned, brought = Units(), Units()
    async with open_session(stack.client, "flights", 1, "t") as session:
        epoch = session.opened.epoch
        await stack.client.push(a_push(learned, base=0, epoch=epoch, serving=change(0, to=b"a")))

        pushed = await stack.client.push(from_elsewhere(brought))

        assert (pushed.version, [c.name for c in pushed.moved]) == (2, ["candidate"])
        assert await places(stack) == {"live": (1, 1), "candidate": (2, 2)}
        await stack.client.push(a_push(learned, base=1, epoch=epoch, serving=change(0, to=b"b")))
        assert await places(stack) == {"live": (3, 1), "candidate": (2, 2)}
    assert held_by(await stack.client.pull("flights", channel="candidate")) == brought.serving


async def test_a_trainer_goes_on_from_it_also_after_a_restart(settings: ParamServerSettings) -> None:
    units = Units()
    async with stack_over(settings) as stack:
        await stack.client.register_model(SPEC)
        await stack.client.push(from_elsewhere(units))
    async with (
        stack_over(settings) as stack,
        open_session(stack.client, "flights", 2, "t") as session,
    ):
        assert session.opened.head is not None
        assert session.opened.head.version == 1
        push = a_push(units, base=1, epoch=session.opened.epoch, line=2, serving=change(1, to=b"on"))
        await stack.client.push(push)
        live = await stack.client.pull("flights", channel="candidate")

    assert held_by(live) == units.serving


async def test_the_same_push_again_opens_no_second_line(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    push = from_elsewhere(Units(), push_id="once")

    first = await stack.client.push(push)
    again = await stack.client.push(push)

    assert again == first
    assert len((await stack.client.list_models())[0].lines) == 2


async def test_another_one_takes_the_place_of_the_one_that_waited(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    await stack.client.push(from_elsewhere(Units()))

    async with open_session(stack.client, "flights", 2, "t") as session:
        await stack.client.push(from_elsewhere(Units(), to=b"better"))

        with pytest.raises(Fenced) as fenced:
            async for _ in session.changed_specs():
                pass

    assert fenced.value.line == 3
    assert (await places(stack))["candidate"] == (2, 3)


async def test_what_is_refused_leaves_no_line_behind(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    await stack.client.register_model(OTHER_POLICY)
    good = from_elsewhere(Units(), revision=2)
    refused: list[tuple[Push, type[RiverrunError]]] = [
        (from_elsewhere(Units(), revision=1), StaleBase),
        (replace(good, serving_root=bytes(32)), DigestMismatch),
        (replace(good, snapshot=False), InvalidInput),
        (replace(good, epoch=1), InvalidInput),
    ]

    for push, error in refused:
        with pytest.raises(error):
            await stack.client.push(push)

    assert len((await stack.client.list_models())[0].lines) == 1
    assert (await stack.client.push(good)).version == 1
