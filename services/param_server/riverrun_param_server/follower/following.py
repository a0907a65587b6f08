"""Following a leader: its watch, taken into what is held here and told on to those who watch here."""

from __future__ import annotations

import asyncio
import random
from collections import deque

import structlog

from riverrun.core.errors import RiverrunError
from riverrun.core.versions import ModelInfo
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.watching import (
    Announced,
    Applied,
    Change,
    Connected,
    Disconnected,
    Have,
    Heartbeat,
    ModelChanged,
    ModelDeleted,
    Watch,
)
from riverrun_param_server.follower.followed import Followed, FollowedModel
from riverrun_param_server.readers import Readers
from riverrun_param_server.watch_hub import WatchHub

MAX_WAITING = 64
"""Announcements of a model that wait here; beyond, what they lead to is pulled."""

RETRY_S = (0.2, 5.0)
"""First and longest wait after a pull that failed."""

REPORT_EVERY_S = 1.0

log = structlog.get_logger()


class ModelFollower:
    """Takes one model's announcements in order, and pulls where they do not go on from what is here."""

    def __init__(
        self, model: FollowedModel, followed: Followed, client: ParameterClient, hub: WatchHub
    ) -> None:
        self.model = model
        self._followed = followed
        self._client = client
        self._hub = hub
        self._waiting: deque[Announced] = deque(maxlen=MAX_WAITING)
        self._news = asyncio.Event()
        self._busy = False
        self._all_told = False
        self._shown: set[str] = set()

    @property
    def is_idle(self) -> bool:
        """Whether all that was heard of is here."""
        return not self._busy and not self._waiting and not self.model.missing()

    def take_info(self, info: ModelInfo) -> None:
        """Hear of the model anew. Announcements of the channels that moved follow."""
        self.model.take_info(info)
        self._shown.intersection_update(channel.name for channel in info.channels)
        self._hub.model_changed(self.model.name)

    def offer(self, announced: Announced) -> None:
        """Hear of a move of a channel."""
        self._waiting.append(announced)
        self._news.set()

    def all_was_told(self) -> None:
        """Hear that no announcement is on its way: what is still missing must be pulled."""
        if not self.is_idle:
            self._all_told = True
            self._news.set()

    async def run(self) -> None:
        """Take what is heard, for ever."""
        retry_s = RETRY_S[0]
        while True:
            await self._news.wait()
            self._news.clear()
            self._busy = True
            try:
                await self._take_waiting()
                if self._all_told:
                    for channel in self.model.missing():
                        await self._pull(channel)
                    self._all_told = False
            except RiverrunError as error:
                log.warning("a version could not be taken over", model=self.model.name, error=str(error))
                await asyncio.sleep(retry_s * random.uniform(0.5, 1.0))
                retry_s = min(2 * retry_s, RETRY_S[1])
                self._news.set()
            else:
                retry_s = RETRY_S[0]
            finally:
                self._busy = False

    async def _take_waiting(self) -> None:
        while self._waiting:
            announced = self._waiting.popleft()
            if not self.model.is_news(announced.channel, announced.generation):
                continue
            try:
                taken = self.model.advance(announced)
            except RiverrunError as error:
                log.warning("a delta does not fit; pulling instead", model=self.model.name, error=str(error))
                taken = False
            if taken:
                await self._tell(announced.channel)
            else:
                await self._pull(announced.channel)

    async def _pull(self, channel: str) -> None:
        store_id = self._followed.store_id
        here = self.model.find_channel(channel)
        have = here.version if here is not None and here.version in self.model.versions else 0
        pulled = await self._client.pull(
            self.model.name, channel=channel, have_version=have, have_store_id=store_id
        )
        if pulled.store_id == store_id and self.model.is_news(channel, pulled.generation):
            version, recent = await asyncio.to_thread(self.model.built, pulled)
            self.model.take_built(channel, pulled.generation, version, recent)
            await self._tell(channel)

    async def _tell(self, channel: str) -> None:
        if channel not in self._shown:
            # Of a channel without weights nobody was told.
            self._shown.add(channel)
            self._hub.model_changed(self.model.name)
        self._hub.channel_moved(self.model.name, channel)
        async with self.model.moved:
            self.model.moved.notify_all()


class Following:
    """Follows every model of the leader for as long as `run` runs."""

    def __init__(
        self, followed: Followed, client: ParameterClient, hub: WatchHub, readers: Readers, *, max_bytes: int
    ) -> None:
        self._followed = followed
        self._client = client
        self._hub = hub
        self._readers = readers
        self._max_bytes = max_bytes
        self._models: dict[str, tuple[ModelFollower, asyncio.Task[None]]] = {}
        self._left: set[str] = set()
        self._ignored = False
        self._seen: set[str] = set()
        self._told: dict[tuple[str, str, str], Applied] = {}

    async def run(self, reader_id: str, address: str) -> None:
        """Watch the leader across disconnections, for ever. `reader_id` and `address` name this follower."""
        watch = Watch(self._client, reader_id=reader_id, address=address, have=self._have)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._report(watch), name="report to the leader")
            async for change in watch.changes():
                self._take(change, group)

    def _take(self, change: Change, group: asyncio.TaskGroup) -> None:
        if isinstance(change, Connected):
            self._connected(change.store_id)
        if isinstance(change, Connected | Disconnected) or self._ignored:
            return
        match change:
            case ModelChanged(info):
                self._model_changed(info, group)
            case ModelDeleted(name):
                self._remove(name)
            case Announced():
                found = self._models.get(change.manifest.model)
                if found is not None:
                    found[0].offer(change)
            case Heartbeat(unconfirmed_s):
                self._all_was_told(unconfirmed_s)

    def _connected(self, store_id: str) -> None:
        self._seen = set()
        self._ignored = store_id in self._left
        if self._ignored:
            log.error("a store that was left answers again; it is not listened to", store_id=store_id)
        elif store_id != self._followed.store_id:
            if self._followed.store_id:
                log.warning("another store answers now; starting again", store_id=store_id)
                self._left.add(self._followed.store_id)
                # Who watches here must hear of the new store first, as at any new connection.
                self._hub.drop()
            for name in list(self._models):
                self._remove(name)
            self._followed.start_again(store_id)

    def _model_changed(self, info: ModelInfo, group: asyncio.TaskGroup) -> None:
        self._seen.add(info.name)
        found = self._models.get(info.name)
        if found is None:
            model = FollowedModel(info, self._max_bytes)
            follower = ModelFollower(model, self._followed, self._client, self._hub)
            self._followed.add(model)
            self._models[info.name] = follower, group.create_task(follower.run(), name=f"follow {info.name}")
        else:
            follower = found[0]
        follower.take_info(info)

    def _remove(self, name: str) -> None:
        found = self._models.pop(name, None)
        if found is not None:
            found[1].cancel()
        self._followed.remove(name)
        self._hub.model_changed(name)

    def _all_was_told(self, unconfirmed_s: float) -> None:
        for name in [name for name in self._models if name not in self._seen]:
            self._remove(name)
        for follower, _ in self._models.values():
            follower.all_was_told()
        if all(follower.is_idle for follower, _ in self._models.values()):
            self._followed.confirm(unconfirmed_s)

    def _have(self) -> tuple[str, list[Have]]:
        haves = [
            Have(model.name, channel.name, channel.version, channel.generation)
            for model in self._followed.models()
            for channel in model.info().channels
            if channel.version in model.versions
        ]
        return self._followed.store_id, haves

    async def _report(self, watch: Watch) -> None:
        """Tell the leader once a second what this follower and its readers answer with, where it changed."""
        while True:
            await asyncio.sleep(REPORT_EVERY_S)
            now = {(one.reader_id, one.model, one.channel): one for one in self._standing()}
            for key, applied in now.items():
                if self._told.get(key) != applied:
                    await watch.report(applied)
            for key in self._told.keys() - now.keys():
                reader_id, model, channel = key
                gone = Applied(model, channel, 0, 0, "", reader_id=reader_id, gone=True)
                await watch.report(gone)
            self._told = now

    def _standing(self) -> list[Applied]:
        own = [
            Applied(model.name, channel.name, channel.version, channel.generation, "follow")
            for model in self._followed.models()
            for channel in model.info().channels
        ]
        return own + [
            Applied(
                reader.model,
                reader.channel,
                reader.version,
                reader.generation,
                reader.sync,
                reader.problem,
                reader_id=reader.reader_id,
                address=reader.address,
                freshness=reader.freshness,
            )
            for reader in self._readers.list()
        ]
