"""What a pull gets: deltas where they are shorter, snapshots otherwise, never the trainer's side unasked."""

from __future__ import annotations

import os

import pytest

from riverrun.codec.wire import decode_side
from riverrun.core.digest import HashTree
from riverrun.core.errors import InvalidInput, NotFound, NotReady
from riverrun.core.units import SideDelta
from riverrun.rpc.trainer_session import open_session
from riverrun.rpc.weights import Pulled
from tests.integration.param_server.param_stack import SPEC, Stack, Units, a_push, change, held_by


async def pushed(stack: Stack, count: int = 6) -> tuple[list[dict[int, bytes]], Units]:
    """`count` versions; the serving units of each, by version."""
    await stack.client.register_model(SPEC)
    units = Units()
    states: list[dict[int, bytes]] = [{}]
    async with open_session(stack.client, "flights", 1, "t") as session:
        for n in range(count):
            serving = SideDelta({i: os.urandom(500) for i in (range(40) if n == 0 else (n, 50 + n))})
            if n == 3:
                serving = SideDelta(serving.changed, frozenset({7, 8}))
            await stack.client.push(
                a_push(
                    units,
                    base=n,
                    epoch=session.opened.epoch,
                    serving=serving,
                    trainer=SideDelta({1000: os.urandom(50)}),
                )
            )
            states.append(dict(units.serving))
    return states, units


async def test_a_delta_from_any_version_leads_to_any_later_one(stack: Stack) -> None:
    states, _ = await pushed(stack)

    for have in range(1, 6):
        for version in range(have + 1, 7):
            pulled = await stack.client.pull(
                "flights", version=version, have_version=have, have_store_id=await store_id(stack)
            )

            assert pulled.base_version == have
            assert held_by(pulled, states[have]) == states[version]
            assert HashTree(states[version]).root == pulled.manifest.serving_root


async def store_id(stack: Stack) -> str:
    return (await stack.client.pull("flights", channel="live")).store_id


async def test_every_version_can_be_had_whole(stack: Stack) -> None:
    states, _ = await pushed(stack)

    for version in range(1, 7):
        pulled = await stack.client.pull("flights", version=version)

        assert pulled.base_version == 0
        assert held_by(pulled) == states[version]


async def test_a_snapshot_comes_where_it_is_smaller_than_the_deltas(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    units = Units()
    async with open_session(stack.client, "flights", 1, "t") as session:
        for n in range(4):
            # Each version drops what the one before it had: the deltas are longer than what is left.
            dropped = frozenset(units.serving)
            serving = SideDelta({100 * n: os.urandom(100)}, dropped)
            if n == 0:
                serving = SideDelta({i: os.urandom(30) for i in range(99)})
            await stack.client.push(a_push(units, base=n, epoch=session.opened.epoch, serving=serving))

    pulled = await stack.client.pull(
        "flights", channel="live", have_version=1, have_store_id=await store_id(stack)
    )

    assert len(pulled.serving) < 400
    assert held_by(pulled, {}) == units.serving


async def test_who_is_up_to_date_gets_nothing(stack: Stack) -> None:
    await pushed(stack)

    pulled = await stack.client.pull(
        "flights", channel="live", have_version=6, have_store_id=await store_id(stack)
    )

    assert (pulled.base_version, pulled.serving, pulled.trainer) == (6, b"", b"")
    assert pulled.manifest.version == 6


@pytest.mark.parametrize("other", ["", "some other store"])
async def test_what_is_held_of_another_store_counts_as_nothing(stack: Stack, other: str) -> None:
    states, _ = await pushed(stack)

    pulled = await stack.client.pull("flights", channel="live", have_version=5, have_store_id=other)

    assert pulled.base_version == 0
    assert held_by(pulled) == states[6]


async def test_going_back_to_an_older_version_gets_it_whole(stack: Stack) -> None:
    states, _ = await pushed(stack)

    pulled = await stack.client.pull(
        "flights", version=2, have_version=6, have_store_id=await store_id(stack)
    )

    assert pulled.base_version == 0
    assert held_by(pulled) == states[2]


async def test_the_trainers_side_comes_only_when_asked_for(stack: Stack) -> None:
    _, units = await pushed(stack)

    def trainer_units(pulled: Pulled) -> dict[int, bytes]:
        return decode_side(pulled.trainer, max_bytes=1 << 20).apply({})

    assert (await stack.client.pull("flights", channel="live")).trainer == b""
    assert trainer_units(await stack.client.pull("flights", version=6, trainer_state=True)) == units.trainer
    again = await stack.client.pull(
        "flights", version=6, have_version=6, have_store_id=await store_id(stack), trainer_state=True
    )
    assert (again.base_version, trainer_units(again)) == (0, units.trainer)


async def test_what_is_not_there_is_named(stack: Stack) -> None:
    await stack.client.register_model(SPEC)

    with pytest.raises(NotReady, match="no version yet"):
        await stack.client.pull("flights", channel="live")
    with pytest.raises(NotFound, match="channel 'nope'"):
        await stack.client.pull("flights", channel="nope")
    with pytest.raises(NotFound, match="version '9'"):
        await stack.client.pull("flights", version=9)
    with pytest.raises(NotFound, match="model 'nobody'; there is: flights"):
        await stack.client.pull("nobody", channel="live")
    with pytest.raises(InvalidInput, match="target"):
        await stack.client.pull("flights")


async def test_a_new_delta_is_the_very_bytes_that_were_pushed(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    units = Units()
    async with open_session(stack.client, "flights", 1, "t") as session:
        epoch = session.opened.epoch
        await stack.client.push(a_push(units, base=0, epoch=epoch, serving=change(*range(60), to=b"a")))
        push = a_push(units, base=1, epoch=epoch, serving=change(3, to=b"b"))
        await stack.client.push(push)

    pulled = await stack.client.pull(
        "flights", channel="live", have_version=1, have_store_id=await store_id(stack)
    )

    assert pulled.serving == push.serving
