"""Which events a log keeps, and where: old ones move into history files, and go, oldest first."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable

from riverrun.core.errors import Exhausted
from riverrun.core.events import Stream
from riverrun.events.embedded import event_rows, id_rows
from riverrun.events.embedded.archiver import Archiver
from riverrun.events.embedded.history import History
from riverrun.events.embedded.log_clock import LogClock
from riverrun.events.embedded.log_disk import LogDisk
from riverrun.events.embedded.open_streams import OpenStream, OpenStreams
from riverrun.runtime import metrics
from riverrun.runtime.sqlite.database_file import give_back

FULL_STEPS = (2_000, 200, 20)
"""Events that go in one transaction when the disk is full, as many as it has room for."""


class Retention:
    """Over the streams of one log; it takes one step at a time, and appends go between."""

    def __init__(
        self,
        streams: OpenStreams,
        disk: LogDisk,
        history: History,
        own_clock: LogClock,
        horizon_s: Callable[[str], float],
    ) -> None:
        """`horizon_s` says how long a model's ids are remembered, in the time of `own_clock`."""
        self._streams = streams
        self._disk = disk
        self._history = history
        self._own_clock = own_clock
        self._horizon_s = horizon_s
        self._archiver = Archiver(history, disk)
        self._dropping = asyncio.Lock()

    async def trim(self, model: str, stream: Stream, before: int) -> None:
        """Let go of events below the offset `before`; repeating it changes nothing."""
        await self._drop(self._streams.opened(model, stream), before, None)

    async def expire(self, model: str, stream: Stream, *, below: int, received_before_ns: int) -> None:
        """Let go of events below the offset `below` that were received before `received_before_ns`.

        Of history files only whole ones go, oldest first, and others after all of them. Also forgets ids that
        are older than the model's horizon. Repeating it changes nothing.
        """
        async with self._dropping:
            opened = self._streams.opened(model, stream)
            await self._archiver.drop(opened.id, below, received_before_ns)
        if not self._history.of(opened.id):
            await self._drop(opened, below, received_before_ns)
        await self._forget_ids(opened)

    async def archive(self, model: str, stream: Stream, *, below: int, received_before_ns: int) -> int:
        """Move events below the offset `below` that were received before `received_before_ns` into history
        files, where they are read from as before; how many moved.

        Those that would fill less than a file wait for others, some hours at most. Raises `Exhausted` where
        the disk has no room for a file; then all stay where they are.
        """
        opened = self._streams.opened(model, stream)

        def moved(end: int) -> None:
            opened.first_offset = end

        total = 0
        while True:
            self._disk.check_running()
            async with self._dropping:
                count = await self._archiver.move(opened.row(), below, received_before_ns, moved)
            if not count:
                return total
            metrics.ARCHIVED.labels(stream.value).inc(count)
            total += count

    async def let_go(self, model: str, stream: Stream, below: int) -> int:
        """Let go of some of the oldest events below the offset `below`, for want of room; how many.

        Their room goes back to the disk. None go while `holding`. Raises `Exhausted` where the disk has no
        room even for that.
        """
        opened = self._streams.opened(model, stream)
        first = opened.first_offset
        if self._dropping.locked() or self._history.first(opened.id, first) >= below:
            return 0
        async with self._dropping:
            dropped = await self._archiver.drop_oldest(opened.id, below)
        if dropped or self._history.of(opened.id):
            return dropped
        for rows in FULL_STEPS:
            # A transaction keeps what it changes in its journal first: fewer rows need less of one.
            with contextlib.suppress(Exhausted):
                await self._drop_step(opened, below, None, rows)
                await self._disk.run(give_back)
                return opened.first_offset - first
        raise Exhausted("the event log", "what its disk holds")

    async def keep_newest(self, model: str, stream: Stream, count: int) -> int:
        """Let go of all but the newest `count` events of a stream; how many went. Their ids stay known."""
        opened = self._streams.opened(model, stream)
        first = opened.first_offset
        await self._drop(opened, opened.tail.end - count, None)
        return opened.first_offset - first

    @contextlib.asynccontextmanager
    async def holding(self) -> AsyncGenerator[None, None]:
        """No event goes while the block runs; what would let some go waits for its end."""
        async with self._dropping:
            yield

    async def _forget_ids(self, opened: OpenStream) -> None:
        forget_ns = self._own_clock.now_ns() - int(self._horizon_s(opened.model) * 1e9)
        limit = event_rows.ROWS_PER_STEP
        while await self._disk.run(lambda c: id_rows.forget(c, opened.id, forget_ns, limit)):
            pass

    async def _drop(self, opened: OpenStream, before: int, received_before_ns: int | None) -> None:
        before = min(before, opened.tail.end)
        if received_before_ns is None:
            async with self._dropping:
                await self._archiver.trim(opened.id, before)
        while opened.first_offset < before:
            if not await self._drop_step(opened, before, received_before_ns, event_rows.ROWS_PER_STEP):
                return

    async def _drop_step(
        self, opened: OpenStream, before: int, received_before_ns: int | None, rows: int
    ) -> bool:
        """Let go of at most `rows` events; whether any went."""
        self._disk.check_running()
        async with self._dropping:
            left = await self._disk.run(
                lambda c: event_rows.drop(c, opened.id, before, received_before_ns, rows)
            )
            if left <= opened.first_offset:
                return False
            opened.first_offset = left
            return True
