"""What watchers hear, in which order, and that none of them delays another."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from dataclasses import replace

import grpc
import pytest
from riverrun_param_server.settings import ParamServerSettings

from riverrun.api.params.v1 import params_pb2 as pb
from riverrun.codec.wire import decode_side
from riverrun.core.digest import HashTree
from riverrun.core.events import Arrivals
from riverrun.core.units import SideDelta
from riverrun.core.versions import Freshness
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.trainer_session import TrainerSession, open_session
from riverrun.rpc.watching import (
    Announced,
    Applied,
    Change,
    Connected,
    Have,
    Heartbeat,
    ModelChanged,
    ModelDeleted,
)
from tests.integration.param_server.param_stack import (
    OTHER_POLICY,
    SPEC,
    Stack,
    Units,
    a_push,
    change,
    eventually,
    stack_over,
    watching,
)


def announced(heard: Sequence[Change]) -> list[Announced]:
    return [change_ for change_ in heard if isinstance(change_, Announced)]


def up_to_date(heard: Sequence[Change]) -> bool:
    return any(isinstance(change_, Heartbeat) for change_ in heard)


async def push_some(
    stack: Stack, session: TrainerSession, units: Units, first: int, count: int, size: int = 20
) -> None:
    for base in range(first, first + count):
        serving = SideDelta({base % 10: os.urandom(size)})
        push = a_push(units, base=base, epoch=session.opened.epoch, serving=serving)
        await stack.client.push(push)


async def test_everything_there_is_comes_before_the_first_heartbeat(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    async with open_session(stack.client, "flights", 1, "t") as session:
        await push_some(stack, session, Units(), 0, 2)

    async with watching(stack.address) as (_, heard):
        await eventually(lambda: up_to_date(heard))

    assert [type(change_) for change_ in heard[:4]] == [Connected, ModelChanged, Announced, Heartbeat]
    model, first = heard[1], heard[2]
    assert isinstance(model, ModelChanged)
    assert isinstance(first, Announced)
    assert model.model == (await stack.client.list_models())[0]
    assert (first.channel, first.manifest.version, first.base_version) == ("live", 2, 0)


async def test_small_deltas_come_inline_and_lead_to_the_announced_root(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    units = Units()
    async with (
        open_session(stack.client, "flights", 1, "t") as session,
        watching(stack.address) as (_, heard),
    ):
        await push_some(stack, session, units, 0, 1)
        await eventually(lambda: len(announced(heard)) == 1)
        held = dict(units.serving)
        await push_some(stack, session, units, 1, 30)
        await eventually(lambda: announced(heard)[-1].manifest.version == 31)

    tree, at = HashTree(held), 1
    for one in announced(heard)[1:]:
        assert one.base_version == at
        tree.update(decode_side(one.serving, max_bytes=1 << 20))
        assert tree.root == one.manifest.serving_root
        at = one.manifest.version
    generations = [one.generation for one in announced(heard)]
    assert generations == sorted(set(generations))


async def test_a_large_delta_is_announced_without_it(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    units = Units()
    async with (
        open_session(stack.client, "flights", 1, "t") as session,
        watching(stack.address) as (_, heard),
    ):
        await push_some(stack, session, units, 0, 1)
        await eventually(lambda: len(announced(heard)) == 1)
        await push_some(stack, session, units, 1, 1, size=70_000)
        await eventually(lambda: len(announced(heard)) == 2)

    last = announced(heard)[-1]
    assert (last.base_version, last.serving, last.manifest.version) == (0, b"", 2)


async def test_a_reader_that_comes_back_gets_one_delta_from_what_it_holds(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    units = Units()
    async with open_session(stack.client, "flights", 1, "t") as session:
        await push_some(stack, session, units, 0, 3)
        held = dict(units.serving)
        generation = (await stack.client.list_models())[0].channels[0].generation
        await push_some(stack, session, units, 3, 4)
    store_id = stack.running.server.store_id

    async with watching(
        stack.address, have=[Have("flights", "live", 3, generation)], have_store_id=store_id
    ) as (
        _,
        heard,
    ):
        await eventually(lambda: up_to_date(heard))

    (one,) = announced(heard)
    assert (one.base_version, one.manifest.version) == (3, 7)
    assert decode_side(one.serving, max_bytes=1 << 20).apply(held) == units.serving


async def test_a_reader_that_is_up_to_date_is_told_so(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    async with open_session(stack.client, "flights", 1, "t") as session:
        await push_some(stack, session, Units(), 0, 3)
    generation = (await stack.client.list_models())[0].channels[0].generation

    have = [Have("flights", "live", 3, generation)]
    async with watching(stack.address, have=have, have_store_id=stack.running.server.store_id) as (_, heard):
        await eventually(lambda: up_to_date(heard))

    (one,) = announced(heard)
    assert (one.base_version, one.manifest.version, one.serving) == (3, 3, b"")


async def test_what_is_held_of_another_store_counts_as_nothing(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    async with open_session(stack.client, "flights", 1, "t") as session:
        await push_some(stack, session, Units(), 0, 3)

    async with watching(stack.address, have=[Have("flights", "live", 99, 99)], have_store_id="other") as (
        _,
        heard,
    ):
        await eventually(lambda: up_to_date(heard))

    assert announced(heard)[0].base_version == 0


async def test_a_watcher_that_does_not_read_delays_nobody_and_skips_to_the_newest(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    units = Units()
    async with (
        open_session(stack.client, "flights", 1, "t") as session,
        watching(stack.address) as (_, heard),
    ):
        await push_some(stack, session, units, 0, 1)
        # A small window that does not grow: what is not read is soon not sent either.
        channel = grpc.aio.insecure_channel(
            stack.address, options=[("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65_536)]
        )
        stuck = ParameterClient(channel).stub.Watch()
        await stuck.write(pb.WatchRequest(subscribe=pb.WatchRequest.Subscribe()))
        await stuck.read()

        # Far more than the stream's window holds, so that its writer waits.
        await push_some(stack, session, units, 1, 80, size=50_000)
        await eventually(lambda: announced(heard)[-1].manifest.version == 81)
        versions = []
        while not versions or versions[-1] != 81:
            message = await asyncio.wait_for(stuck.read(), 60)
            if message.HasField("announcement"):
                versions.append(message.announcement.manifest.version)
        stuck.cancel()
        await channel.close()

    assert versions == sorted(set(versions))
    assert len(versions) < 60


async def test_oldest_arrival_spans_all_versions_that_were_skipped(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    units = Units()
    async with open_session(stack.client, "flights", 1, "t") as session:
        for base in range(4):
            push = a_push(units, base=base, epoch=session.opened.epoch, serving=change(0, to=b"%d" % base))
            await stack.client.push(replace(push, arrivals=Arrivals(100 + base, 200 + base)))
    have = [Have("flights", "live", 1, 0)]

    async with watching(stack.address, have=have, have_store_id=stack.running.server.store_id) as (_, heard):
        await eventually(lambda: up_to_date(heard))

    assert announced(heard)[0].oldest_arrival_ns == 101


async def test_models_are_announced_as_they_come_change_and_go(stack: Stack) -> None:
    async with (
        watching(stack.address) as (_, heard),
        watching(stack.address, models=["other"]) as (_, filtered),
    ):
        await eventually(lambda: up_to_date(heard) and up_to_date(filtered))
        await stack.client.register_model(SPEC)
        await eventually(lambda: any(isinstance(c, ModelChanged) for c in heard))
        await stack.client.register_model(OTHER_POLICY)
        await eventually(
            lambda: any(isinstance(c, ModelChanged) and c.model.spec_revision == 2 for c in heard)
        )
        await stack.client.delete_model("flights")
        await eventually(lambda: ModelDeleted("flights") in heard)

        assert all(isinstance(c, Connected | Heartbeat) for c in filtered)


async def test_a_catalogue_watch_hears_of_models_only(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    async with (
        watching(stack.address, catalogue_only=True) as (_, heard),
        open_session(stack.client, "flights", 1, "t") as session,
    ):
        await push_some(stack, session, Units(), 0, 3)
        await eventually(lambda: up_to_date(heard))

    assert announced(heard) == []
    assert any(isinstance(c, ModelChanged) for c in heard)


async def test_readers_are_listed_with_what_they_applied_and_their_lag(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    units = Units()
    async with (
        open_session(stack.client, "flights", 1, "t") as session,
        watching(stack.address, reader_id="pod-1") as (watch, heard),
    ):
        await push_some(stack, session, units, 0, 1)
        await eventually(lambda: len(announced(heard)) == 1)
        await watch.report(
            Applied(
                *("flights", "live", 1, announced(heard)[0].generation, "watch", "a problem"),
                freshness=Freshness(0.004, 0.02, 9),
            )
        )
        await push_some(stack, session, units, 1, 2)
        async with asyncio.timeout(60):
            while not (readers := await stack.client.list_readers("flights")):
                await asyncio.sleep(0.01)

    (reader,) = readers
    assert (reader.reader_id, reader.address, reader.channel) == ("pod-1", "host:1", "live")
    assert (reader.version, reader.lag, reader.sync, reader.problem) == (1, 2, "watch", "a problem")
    assert reader.freshness == Freshness(0.004, 0.02, 9)
    async with asyncio.timeout(60):
        while await stack.client.list_readers():
            await asyncio.sleep(0.01)


async def test_streams_end_and_stopping_is_quick_while_watchers_are_there(
    settings: ParamServerSettings,
) -> None:
    drain_s = 60.0
    async with contextlib.AsyncExitStack() as exits:
        patient = settings.model_copy(update={"drain_s": drain_s})
        stack = await exits.enter_async_context(stack_over(patient))
        await stack.client.register_model(SPEC)
        _, heard = await exits.enter_async_context(watching(stack.address))
        await eventually(lambda: up_to_date(heard))
        session = open_session(stack.client, "flights", 1, "t")
        await session.__aenter__()

        started = asyncio.get_running_loop().time()
        stack.running.server.end_streams()
        await eventually(lambda: not stack.running.server.hub.has_watchers)

    assert asyncio.get_running_loop().time() - started < drain_s / 2


@pytest.mark.parametrize("readers", [20])
async def test_a_version_is_rendered_once_for_all_equal_watchers(stack: Stack, readers: int) -> None:
    await stack.client.register_model(SPEC)
    units = Units()
    hub = stack.running.server.hub
    async with contextlib.AsyncExitStack() as exits:
        session = await exits.enter_async_context(open_session(stack.client, "flights", 1, "t"))
        everyone = [(await exits.enter_async_context(watching(stack.address)))[1] for _ in range(readers)]
        await push_some(stack, session, units, 0, 1)
        await eventually(lambda: all(len(announced(heard)) == 1 for heard in everyone))
        before = hub.rendered
        await push_some(stack, session, units, 1, 1)
        await eventually(lambda: all(announced(heard)[-1].manifest.version == 2 for heard in everyone))

        assert hub.rendered - before == 1
