"""The load: pushers, appenders of labels and watchers against one parameter server, heard by an oracle."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import grpc

from riverrun.core.errors import Exhausted, Fenced, RiverrunError, StaleBase, Unavailable
from riverrun.core.events import NewEvent, Stream
from riverrun.rpc.channels import open_channel
from riverrun.rpc.event_log import RemoteEventLog
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.trainer_session import TrainerSession, open_session
from riverrun.rpc.watching import Announced, Connected, Disconnected, Have, Watch
from riverrun.rpc.weights import Push, Pushed
from tests.fault.harness.line import Line, Sizes
from tests.fault.harness.oracle import Oracle
from tests.fault.harness.process import DEADLINE_S

REPORT_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Profile:
    """How many of each kind there are, what they push, and how long a pusher rests after each push.

    A trainer's session ends after at most `session_pushes`, perhaps after none; then it opens another.
    """

    pushers: int = 8
    watchers: int = 4
    appenders: int = 2
    sizes: Sizes = field(default_factory=Sizes)
    first_model: Sizes | None = None
    rest_s: float = 0.0
    session_pushes: int = 40


class Reader:
    """A watcher that outlives servers: it comes back with what it saw last."""

    def __init__(self, name: str, oracle: Oracle) -> None:
        self.name = name
        self._oracle = oracle
        self._store_id = ""
        self._have: dict[str, Have] = {}

    async def read(self, client: ParameterClient) -> None:
        """Watch all models, for ever."""
        watch = Watch(client, reader_id=self.name, have=lambda: (self._store_id, list(self._have.values())))
        async for change in watch.changes():
            if isinstance(change, Connected) and change.store_id != self._store_id:
                self._store_id, self._have = change.store_id, {}
            elif isinstance(change, Disconnected):
                self._oracle.disconnections += 1
            elif isinstance(change, Announced):
                manifest = change.manifest
                self._oracle.announced(self.name, self._store_id, manifest, change.generation)
                self._have[manifest.model] = Have(
                    manifest.model, change.channel, manifest.version, change.generation
                )


class Fleet:
    """The clients of one life of a store; their state goes on from server to server."""

    def __init__(self, oracle: Oracle, profile: Profile, rng: random.Random) -> None:
        self.oracle = oracle
        self.profile = profile
        self._rng = rng
        sizes = [profile.first_model or profile.sizes, *[profile.sizes] * (profile.pushers - 1)]
        self.lines = [Line(f"model-{n}", size, rng) for n, size in enumerate(sizes)]
        self._readers = [Reader(f"reader-{n}", oracle) for n in range(profile.watchers)]
        self._ids = itertools.count()
        self._unknown: list[tuple[str, tuple[str, ...]]] = []
        self._tasks: list[asyncio.Task[None]] = []

    @contextlib.asynccontextmanager
    async def at(self, address: str, *, readers: str = "") -> AsyncIterator[None]:
        """Load the server at `address` while the block runs. Clients that lose it stop by themselves.

        Watchers go by `readers`, where that is given.
        """
        channels = [open_channel(address), open_channel(readers or address), open_channel(address)]
        pushing, watching, appending = channels
        client = ParameterClient(pushing, deadline_s=DEADLINE_S)
        tasks = self._tasks = []
        with contextlib.suppress(Unavailable, TimeoutError):
            # One attempt to connect takes at most 100 ms, which a busy machine may not find.
            await asyncio.wait_for(
                asyncio.gather(pushing.channel_ready(), appending.channel_ready()), DEADLINE_S
            )
            # Known already after the first start. A server that ends meanwhile is loaded no further.
            for line in self.lines:
                await client.register_model(line.spec)
            for number, line in enumerate(self.lines):
                tasks.append(asyncio.create_task(self._push(client, line, number % 2 == 1)))
            for _ in range(self.profile.appenders):
                tasks.append(asyncio.create_task(self._append(appending)))
        watchers = [asyncio.create_task(reader.read(ParameterClient(watching))) for reader in self._readers]
        try:
            yield
        finally:
            # What was answered before the server went is still to be read.
            if tasks:
                await asyncio.wait(tasks, timeout=0.25)
            for task in (*tasks, *watchers):
                task.cancel()
            results = await asyncio.gather(*tasks, *watchers, return_exceptions=True)
            for channel in channels:
                await channel.close()
            for result in results:
                if isinstance(result, Exception):
                    raise result

    async def under_way(self) -> None:
        """Return once every model has a version, and one more push was acknowledged."""
        before = len(self.oracle.acked)
        async with asyncio.timeout(120):
            while len(self.oracle.acked) == before or any(line.head == 0 for line in self.lines):
                await asyncio.sleep(0.005)
                # A client that failed would leave this waiting for nothing.
                for task in self._tasks:
                    assert not task.done(), f"a client ended: {task!r}"

    async def _push(self, client: ParameterClient, line: Line, over_session: bool) -> None:
        with contextlib.suppress(Unavailable):
            while True:
                # A server that stood still for longer than a lease takes the session back.
                with contextlib.suppress(Fenced):
                    await self._session(client, line, over_session)

    async def _session(self, client: ParameterClient, line: Line, over_session: bool) -> None:
        async with open_session(client, line.name, 1, f"trainer-{line.name}") as session:
            news = asyncio.create_task(_hear(session))
            try:
                await self._push_in(client, line, session, over_session)
            finally:
                news.cancel()

    async def _push_in(
        self, client: ParameterClient, line: Line, session: TrainerSession, over_session: bool
    ) -> None:
        oracle, epoch = self.oracle, session.opened.epoch
        oracle.opened(line.name, epoch)
        line.adopt(session.opened.head)
        if line.last_epoch:
            await self._try_old_epoch(client, line)
        line.last_epoch = epoch
        for _ in range(self._rng.randint(0, self.profile.session_pushes)):
            # What was refused is sent again as it was, which a trainer does as well.
            push = line.pending or line.next_push(epoch)
            oracle.push_sent(push)
            try:
                pushed = await _send(client, session if over_session else None, push)
            except Exhausted:
                oracle.push_refused(push.push_id)
                await asyncio.sleep(0.05)
                continue
            oracle.push_acked(push.push_id, pushed)
            line.settle(pushed.version)
            if self.profile.rest_s:
                await asyncio.sleep(self._rng.random() * 2 * self.profile.rest_s)

    async def _try_old_epoch(self, client: ParameterClient, line: Line) -> None:
        push = line.next_push(line.last_epoch)
        self.oracle.push_sent(push)
        try:
            pushed = await client.push(push)
        except (Fenced, StaleBase):
            self.oracle.push_refused(push.push_id)
            line.settle(None)
            return
        self.oracle.old_epoch_answered(line.name, line.last_epoch, accepted=True)
        self.oracle.push_acked(push.push_id, pushed)
        line.settle(pushed.version)

    async def _append(self, channel: grpc.aio.Channel) -> None:
        log = RemoteEventLog(channel, deadline_s=DEADLINE_S)
        with contextlib.suppress(Unavailable):
            while True:
                model, ids = self._unknown.pop() if self._unknown else self._new_labels()
                self.oracle.labels_sent(model, ids)
                events = [NewEvent(event_id, b'{"label":true}') for event_id in ids]
                try:
                    appended = await log.append(model, Stream.LABELS, events)
                except Exhausted:
                    await asyncio.sleep(0.05)
                    continue
                except Unavailable:
                    self._unknown.append((model, ids))
                    raise
                self.oracle.labels_acked(ids, [one.offset for one in appended])
                await asyncio.sleep(self._rng.random() * 0.01)

    def _new_labels(self) -> tuple[str, tuple[str, ...]]:
        count = self._rng.randint(1, 5)
        return self._rng.choice(self.lines).name, tuple(f"label-{next(self._ids)}" for _ in range(count))


async def _send(client: ParameterClient, session: TrainerSession | None, push: Push) -> Pushed:
    """By the session's stream where there is one, as a trainer does; `Push` says why it was refused."""
    if session is not None and len(push.serving) + len(push.trainer) <= 1 << 20:
        pushed = await session.push(push, deadline_s=DEADLINE_S)
        if pushed is not None:
            return pushed
    return await client.push(push)


async def _hear(session: TrainerSession) -> None:
    reporting = asyncio.create_task(_report(session))
    try:
        async for _ in session.changed_specs():
            pass
    except RiverrunError:
        return
    finally:
        reporting.cancel()


async def _report(session: TrainerSession) -> None:
    with contextlib.suppress(RiverrunError):
        while True:
            await asyncio.sleep(REPORT_EVERY_S)
            await session.report(examples=0)


BUSY = Profile()
"""Eight pushers without rest, four watchers, two appenders."""

RESTING = Profile(
    pushers=1, watchers=1, appenders=0, sizes=Sizes(large=66 << 10, large_share=1.0), rest_s=0.005
)
"""One pusher of large bodies that rests after each: its last commit is followed by nothing that could make
it durable after the fact."""
