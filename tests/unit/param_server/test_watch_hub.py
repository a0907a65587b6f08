"""What a watcher hears, without a socket: names are marked, messages are made when they can be taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from riverrun_param_server.announcements import Announcements
from riverrun_param_server.catalogue import Catalogue, Model
from riverrun_param_server.fatal import Fatal
from riverrun_param_server.records import LineRecord, ModelRecord
from riverrun_param_server.store import Store
from riverrun_param_server.watch_hub import Subscription, Watcher, WatchHub

from riverrun.api.params.v1 import params_pb2 as pb
from riverrun.core.versions import Channel, Manifest
from riverrun.runtime.clock import SystemClock


class Scene:
    """A hub over one model whose live channel the test moves."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.announcements = Announcements(catalogue, SystemClock())
        self.hub = WatchHub(self.announcements)
        record = ModelRecord(1, "m", b"s", 1, 5, lines=(LineRecord(1, b"s", b"d"),))
        self.model = Model(record, {b"s": "name: m"})
        catalogue.add(self.model)
        self.move_to(1)

    def move_to(self, version: int) -> None:
        """What a push does once it is durable."""
        channel = Channel("live", version, version, 1)
        self.model.record = self.model.record.with_channel(channel)
        root = bytes(32)
        self.model.manifests = {
            version: Manifest("m", version, 1, version - 1, 1, root, root, root, root, 0, 0)
        }
        self.hub.channel_moved("m", "live")


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    store = Store(tmp_path / "data", Fatal())
    yield Scene(Catalogue(store, "store"))
    store.close()


async def hear(watcher: Watcher, count: int) -> list[pb.WatchResponse]:
    """The next messages, which must be there already."""
    messages = watcher.messages()
    async with asyncio.timeout(60):
        return [pb.WatchResponse.FromString(await anext(messages)) for _ in range(count)]


def kinds(messages: list[pb.WatchResponse]) -> list[str | None]:
    return [message.WhichOneof("response") for message in messages]


async def test_first_comes_everything_there_is_then_a_heartbeat(scene: Scene) -> None:
    watcher = scene.hub.join(Subscription())

    assert kinds(await hear(watcher, 3)) == ["model", "announcement", "heartbeat"]


async def test_many_moves_while_nobody_reads_are_one_message_of_the_newest(scene: Scene) -> None:
    watcher = scene.hub.join(Subscription())
    await hear(watcher, 3)

    for version in range(2, 500):
        scene.move_to(version)
    watcher.mark_heartbeat()

    announcement, beat = await hear(watcher, 2)
    assert announcement.announcement.manifest.version == 499
    assert beat.HasField("heartbeat")


async def test_a_heartbeat_comes_only_after_everything_before_it(scene: Scene) -> None:
    watcher = scene.hub.join(Subscription())
    await hear(watcher, 3)

    watcher.mark_heartbeat()
    scene.move_to(2)
    scene.hub.model_changed("m")

    assert kinds(await hear(watcher, 3)) == ["model", "announcement", "heartbeat"]


async def test_equal_watchers_share_one_rendering(scene: Scene) -> None:
    watchers = [scene.hub.join(Subscription()) for _ in range(50)]
    for watcher in watchers:
        await hear(watcher, 3)

    assert scene.hub.rendered == 1


async def test_other_models_and_channels_are_not_heard_of_unasked(scene: Scene) -> None:
    other = scene.hub.join(Subscription(models=frozenset({"other"})))
    catalogue_only = scene.hub.join(Subscription(catalogue_only=True))

    assert kinds(await hear(other, 1)) == ["heartbeat"]
    assert kinds(await hear(catalogue_only, 2)) == ["model", "heartbeat"]


async def test_streams_end_when_the_server_stops_also_later_ones(scene: Scene) -> None:
    early = scene.hub.join(Subscription())
    scene.hub.end()
    late = scene.hub.join(Subscription())

    assert [message async for message in early.messages()] == []
    assert [message async for message in late.messages()] == []


async def test_who_left_is_marked_no_more(scene: Scene) -> None:
    watcher = scene.hub.join(Subscription())
    await hear(watcher, 3)

    scene.hub.leave(watcher)
    scene.move_to(2)

    assert not scene.hub.has_watchers
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await anext(watcher.messages())
