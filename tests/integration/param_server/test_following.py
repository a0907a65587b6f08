"""A read replica: what it hands on is what the leader has, and it says so when it cannot know.

Does not cover how fast it fans out: that is measured in `benchmarks/fan_out.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import pytest
from riverrun_param_server.follower.app import RunningReplica, following
from riverrun_param_server.settings import ParamServerSettings

from riverrun.core.errors import NotFound, NotReady, ReadOnly
from riverrun.core.units import SideDelta
from riverrun.core.versions import Freshness
from riverrun.rpc.channels import open_channel
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.trainer_session import open_session
from riverrun.rpc.watching import (
    Announced,
    Applied,
    Change,
    Connected,
    Disconnected,
    Heartbeat,
    ModelChanged,
    ModelDeleted,
)
from tests.integration.param_server.param_stack import (
    DEADLINE_S,
    LARGE,
    OTHER_LINE,
    SPEC,
    Stack,
    Units,
    a_push,
    change,
    eventually,
    held_by,
    stack_over,
    watching,
)


@dataclass
class Replica:
    """A replica that follows, and a client of it."""

    running: RunningReplica
    client: ParameterClient

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.running.port}"

    def version(self, channel: str = "live") -> int:
        """Where the channel stands here; 0 where it does not."""
        model = self.running.followed.find("flights")
        found = None if model is None else model.find_channel(channel)
        return 0 if found is None else found.version


@contextlib.asynccontextmanager
async def replica_of(address: str) -> AsyncIterator[Replica]:
    settings = ParamServerSettings(port=0, http_port=0, follow=address, drain_s=1.0)
    async with following(settings) as replica:
        roots = asyncio.create_task(replica.wait())
        channel = open_channel(f"127.0.0.1:{replica.port}")
        try:
            yield Replica(replica, ParameterClient(channel, deadline_s=DEADLINE_S))
        finally:
            await channel.close()
            replica.stop.ask()
            await asyncio.gather(roots, return_exceptions=True)


def versions(heard: Sequence[Change], channel: str = "live") -> list[int]:
    return [one.manifest.version for one in heard if isinstance(one, Announced) and one.channel == channel]


def last_unconfirmed_s(heard: Sequence[Change]) -> float:
    return next((one.unconfirmed_s for one in reversed(heard) if isinstance(one, Heartbeat)), -1.0)


@dataclass
class Trainer:
    """Pushes versions of arbitrary units to the leader."""

    stack: Stack
    units: Units
    epoch: int
    version: int = 0

    async def push(self, *numbers: int, size: int = 20) -> int:
        serving = SideDelta({number: os.urandom(size) for number in numbers or (self.version % 5,)})
        trainer = change(1_000, to=b"%d" % self.version)
        push = a_push(self.units, base=self.version, epoch=self.epoch, serving=serving, trainer=trainer)
        self.version = (await self.stack.client.push(push)).version
        return self.version


@pytest.fixture
async def trainer(stack: Stack) -> AsyncIterator[Trainer]:
    await stack.client.register_model(SPEC)
    async with open_session(stack.client, "flights", 1, "t") as session:
        trainer = Trainer(stack, Units(), session.opened.epoch)
        await trainer.push(*range(50))
        yield trainer


async def test_it_hands_on_each_version_as_the_leader_announced_it(stack: Stack, trainer: Trainer) -> None:
    async with contextlib.AsyncExitStack() as runs:
        replica = await runs.enter_async_context(replica_of(stack.address))
        await eventually(lambda: replica.running.followed.complete)
        _, heard = await runs.enter_async_context(watching(replica.address))
        await eventually(lambda: any(isinstance(one, Heartbeat) for one in heard))
        first = list(heard)
        for _ in range(10):
            newest = await trainer.push()
            await eventually(lambda newest=newest: versions(heard)[-1] == newest)

        assert [type(one) for one in first[:4]] == [Connected, ModelChanged, Announced, Heartbeat]
        inline = [one for one in heard if isinstance(one, Announced) and one.base_version]
        assert [one.manifest.version for one in inline] == list(range(2, 12))
        pulled = await replica.client.pull("flights", channel="live")
        assert held_by(pulled) == trainer.units.serving
        assert pulled.trainer == b""
        assert pulled.manifest == (await stack.client.pull("flights", channel="live")).manifest


async def test_a_reader_that_is_behind_gets_a_delta_or_a_snapshot_and_never_less_than_it_has(
    stack: Stack, trainer: Trainer
) -> None:
    async with replica_of(stack.address) as replica:
        await eventually(lambda: replica.version() == 1)
        at_first = dict(trainer.units.serving)
        await trainer.push(0)
        await trainer.push(1)
        await eventually(lambda: replica.version() == 3)
        store_id = replica.running.followed.store_id

        delta = await replica.client.pull("flights", channel="live", have_version=1, have_store_id=store_id)
        whole = await replica.client.pull("flights", channel="live", have_version=1, have_store_id="other")

        assert (delta.base_version, held_by(delta, at_first)) == (1, trainer.units.serving)
        assert (whole.base_version, held_by(whole)) == (0, trainer.units.serving)
        ahead = replica.client.pull("flights", channel="live", have_version=9, have_store_id=store_id)
        with pytest.raises(NotReady, match="behind"):
            await ahead


async def test_a_reader_that_is_ahead_waits_until_the_replica_has_caught_up(
    stack: Stack, trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("riverrun_param_server.follower.replica_pulls.CATCH_UP_S", DEADLINE_S)
    async with replica_of(stack.address) as replica:
        await eventually(lambda: replica.version() == 1)
        store_id = replica.running.followed.store_id
        waiting = asyncio.create_task(
            replica.client.pull("flights", channel="live", have_version=2, have_store_id=store_id)
        )
        await asyncio.sleep(0)
        await trainer.push()

        pulled = await waiting

        assert (pulled.manifest.version, pulled.base_version) == (2, 2)


async def test_a_large_version_is_pulled_and_handed_on(stack: Stack, trainer: Trainer) -> None:
    async with replica_of(stack.address) as replica, watching(replica.address) as (_, heard):
        await eventually(lambda: replica.version() == 1)
        newest = await trainer.push(3, size=LARGE)
        await eventually(lambda: newest in versions(heard))

        told = [one for one in heard if isinstance(one, Announced) and one.manifest.version == newest]
        assert told[0].base_version == 0
        assert held_by(await replica.client.pull("flights", channel="live")) == trainer.units.serving


async def test_rolling_back_holding_and_removing_channels_is_followed(stack: Stack, trainer: Trainer) -> None:
    async with replica_of(stack.address) as replica, watching(replica.address) as (_, heard):
        at_first = dict(trainer.units.serving)
        await trainer.push()
        await stack.client.set_channel("flights", "canary", follow_line=1)
        await trainer.push()
        await eventually(lambda: replica.version("canary") == replica.version() == 3)

        moved, _ = await stack.client.set_channel("flights", "live", hold_version=1)
        await eventually(lambda: replica.version() == 1)
        await trainer.push()
        await eventually(lambda: replica.version("canary") == 4)
        back = await replica.client.pull("flights", channel="live")
        canary = await replica.client.pull("flights", channel="canary")
        await stack.client.set_channel("flights", "canary", remove=True)
        await eventually(lambda: replica.version("canary") == 0)

        assert (back.generation, held_by(back)) == (moved.generation, at_first)
        assert held_by(canary) == trainer.units.serving
        await eventually(lambda: versions(heard)[-1] == 1)
        with pytest.raises(NotFound, match="channel 'canary'"):
            await replica.client.pull("flights", channel="canary")


async def test_a_version_that_only_the_leader_keeps_is_asked_of_it(stack: Stack, trainer: Trainer) -> None:
    async with replica_of(stack.address) as replica:
        at_first = dict(trainer.units.serving)
        await trainer.push()
        await eventually(lambda: replica.version() == 2)

        old = await replica.client.pull("flights", version=1)
        listed = await replica.client.list_versions("flights")
        manifest = await replica.client.get_version("flights", 1)

        assert held_by(old) == at_first
        assert [one.version for one in listed] == [2, 1]
        assert manifest == listed[1]
        with pytest.raises(NotFound, match="version '7'"):
            await replica.client.pull("flights", version=7)


async def test_every_write_is_refused_naming_the_leader(stack: Stack, trainer: Trainer) -> None:
    async with replica_of(stack.address) as replica:
        await eventually(lambda: replica.running.followed.complete)
        client = replica.client
        writes = [
            client.register_model(SPEC),
            client.delete_model("flights"),
            client.set_channel("flights", "live", hold_here=True),
            client.reset("flights", 1, replay=False),
            client.push(a_push(trainer.units.copy(), base=1, epoch=1)),
            client.pull("flights", channel="live", trainer_state=True),
        ]
        for write in writes:
            with pytest.raises(ReadOnly) as refused:
                await write
            assert refused.value.leader == stack.address
        with pytest.raises(ReadOnly):
            async with open_session(client, "flights", 1, "t"):
                pass


async def test_its_readers_are_listed_at_the_leader_until_they_go(stack: Stack, trainer: Trainer) -> None:
    async def listed() -> dict[str, tuple[int, str, Freshness | None]]:
        found = await stack.client.list_readers()
        return {one.reader_id: (one.version, one.address, one.freshness) for one in found}

    async def until(names: set[str]) -> None:
        """Until these are listed, and the replica beside them."""
        async with asyncio.timeout(60):
            while True:
                found = await listed()
                if names == {name for name in found if name.startswith("pod")} and len(found) > len(names):
                    return
                await asyncio.sleep(0.02)

    async with replica_of(stack.address) as replica:
        await eventually(lambda: replica.version() == 1)
        async with watching(replica.address, reader_id="pod-1") as (watch, heard):
            await eventually(lambda: versions(heard) == [1])
            fresh = Freshness(0.004, 0.02, 9)
            await watch.report(Applied("flights", "live", 1, 1, "watch", freshness=fresh))
            await until({"pod-1"})
            all_listed = await listed()

            assert all_listed["pod-1"] == (1, "host:1", fresh)
            own = [name for name in all_listed if name != "pod-1"]
            assert [all_listed[name] for name in own] == [(1, replica.running.address, None)]
        await until(set())


async def test_while_the_leader_is_away_it_serves_on_and_says_since_when_it_cannot_know(
    settings: ParamServerSettings,
) -> None:
    async with contextlib.AsyncExitStack() as leader_runs:
        stack = await leader_runs.enter_async_context(stack_over(settings))
        await stack.client.register_model(SPEC)
        async with open_session(stack.client, "flights", 1, "t") as session:
            trainer = Trainer(stack, Units(), session.opened.epoch)
            await trainer.push(0, 1)
        async with replica_of(stack.address) as replica, watching(replica.address) as (_, heard):
            await eventually(lambda: 0 <= last_unconfirmed_s(heard) < 1.5)
            await leader_runs.aclose()

            await eventually(lambda: last_unconfirmed_s(heard) > 2)

            pulled = await replica.client.pull("flights", channel="live")
            assert held_by(pulled) == trainer.units.serving
            assert pulled.unconfirmed_s > 2
            assert not any(isinstance(one, Disconnected) for one in heard)


async def test_another_store_at_the_leader_begins_everything_anew(
    settings: ParamServerSettings, free_ports: Callable[[int], list[int]]
) -> None:
    [port] = free_ports(1)
    async with contextlib.AsyncExitStack() as first_runs:
        first = await first_runs.enter_async_context(stack_over(settings.model_copy(update={"port": port})))
        await first.client.register_model(SPEC)
        async with open_session(first.client, "flights", 1, "t") as session:
            await Trainer(first, Units(), session.opened.epoch).push(0)
        async with replica_of(first.address) as replica, watching(replica.address) as (_, heard):
            await eventually(lambda: replica.version() == 1)
            await first_runs.aclose()
            other = settings.model_copy(update={"port": port, "data": settings.data.parent / "other"})
            async with stack_over(other) as second:
                await second.running.server.registry.register(OTHER_LINE)
                stores = lambda: [one.store_id for one in heard if isinstance(one, Connected)]  # noqa: E731
                await eventually(lambda: second.running.server.store_id in stores())
                async with asyncio.timeout(60):
                    while not (models := await replica.client.list_models()):
                        await asyncio.sleep(0.02)

                assert replica.version() == 0
                assert [model.spec_yaml for model in models] == [OTHER_LINE]


async def test_models_come_and_go_with_the_leader(stack: Stack, trainer: Trainer) -> None:
    async with replica_of(stack.address) as replica, watching(replica.address) as (_, heard):
        await eventually(lambda: versions(heard) == [1])
        await stack.client.register_model(SPEC.replace("flights", "trains"))
        await eventually(lambda: any(isinstance(o, ModelChanged) and o.model.name == "trains" for o in heard))
        await stack.client.delete_model("flights")
        await eventually(lambda: any(isinstance(one, ModelDeleted) for one in heard))

        assert [model.name for model in await replica.client.list_models()] == ["trains"]
        with pytest.raises(NotFound, match="model 'flights'"):
            await replica.client.pull("flights", channel="live")


async def test_a_replica_may_follow_a_replica(stack: Stack, trainer: Trainer) -> None:
    async with (
        replica_of(stack.address) as near,
        replica_of(near.address) as far,
        watching(far.address, reader_id="pod-9") as (watch, heard),
    ):
        await eventually(lambda: versions(heard)[-1:] == [1])
        await watch.report(Applied("flights", "live", 1, 1, "watch"))
        newest = await trainer.push()
        await eventually(lambda: versions(heard)[-1] == newest)

        assert held_by(await far.client.pull("flights", channel="live")) == trainer.units.serving
        async with asyncio.timeout(60):
            while "pod-9" not in {one.reader_id for one in await stack.client.list_readers()}:
                await asyncio.sleep(0.02)
