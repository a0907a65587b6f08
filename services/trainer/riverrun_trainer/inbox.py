"""Events read ahead of the learning loop, a bounded number of them."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Callable, Iterator

import structlog

from riverrun.core.errors import NotFound, Unavailable
from riverrun.core.events import LoggedEvent, LogMoment, OffsetRange, Offsets, Stream
from riverrun.events.protocol import EventLog

MAX_AHEAD = 2_048
MAX_AHEAD_BYTES = 16 << 20
MIN_BACKOFF_S = 0.05
MAX_BACKOFF_S = 2.0

log = structlog.get_logger()


class LogLost(Exception):
    """The log ends before the position that the model has learned up to: it lost events."""


class Inbox:
    """The events of one stream from a position on, in order; `fill` reads, the learning loop takes."""

    def __init__(
        self, event_log: EventLog, model: str, stream: Stream, start: Offsets, wake: Callable[[], None]
    ) -> None:
        """`wake` is called whenever there is more to take."""
        self._log = event_log
        self._model = model
        self._stream = stream
        self._next = dict(start)
        self._wake = wake
        self._events: deque[LoggedEvent] = deque()
        self._bytes = 0
        # When the newest event that was read was received.
        self._read_ns = 0
        self._backoff_s = MIN_BACKOFF_S
        self._room = asyncio.Event()
        self._expired: list[OffsetRange] = []

    def __len__(self) -> int:
        return len(self._events)

    def take(self, limit: float, until_s: float) -> Iterator[LoggedEvent]:
        """The next events, each taken when it is asked for: at most `limit`, and until `until_s` of
        `perf_counter`, but one at least where there is one.
        """
        events = self._events
        taken = 0
        while events and taken < limit:
            event = events.popleft()
            self._bytes -= len(event.body)
            taken += 1
            yield event
            if time.perf_counter() >= until_s:
                break
        if not self._is_full(0.5):
            self._room.set()

    def peek(self) -> LoggedEvent:
        """The event that `take` gives next."""
        return self._events[0]

    def pop(self) -> LoggedEvent:
        """Take the next event, which is there."""
        event = self._events.popleft()
        self._bytes -= len(event.body)
        if not self._is_full(0.5):
            self._room.set()
        return event

    def is_past(self, ends: Offsets) -> bool:
        """Whether all below `ends` was read, though it may not be taken."""
        return all(self._next.get(partition, 0) >= end for partition, end in ends.items())

    def covered_ns(self, moment: LogMoment) -> int:
        """Up to which time of the log's clock everything was taken, as far as is known by `moment`."""
        if self._events:
            return self._events[0].received_ns - 1
        if self.is_past(moment.ends.get(self._stream, {})):
            return max(moment.clock_ns, self._read_ns)
        return self._read_ns

    def take_expired(self) -> list[OffsetRange]:
        """Ranges, new since the last call, that the log had let go of before they were read."""
        expired, self._expired = self._expired, []
        return expired

    async def fill(self) -> None:
        """Read for ever, across a log that goes away and comes back. Raises `LogLost`."""
        while True:
            try:
                await self._follow()
            except NotFound as error:
                if error.kind != "offset":
                    raise
                await self._skip_expired()
            except Unavailable as error:
                log.info("the event log went away", model=self._model, reason=str(error))
                await asyncio.sleep(self._backoff_s * random.uniform(0.5, 1.5))
                self._backoff_s = min(2 * self._backoff_s, MAX_BACKOFF_S)

    async def _follow(self) -> None:
        reading = self._log.read(self._model, self._stream, self._next, follow=True)
        async with contextlib.aclosing(reading) as batches:
            async for batch in batches:
                self._backoff_s = MIN_BACKOFF_S
                self._events.extend(batch)
                self._bytes += sum(len(event.body) for event in batch)
                self._next[batch[-1].partition] = batch[-1].offset + 1
                self._read_ns = batch[-1].received_ns
                self._wake()
                if self._is_full(1.0):
                    self._room.clear()
                    await self._room.wait()

    def _is_full(self, share: float) -> bool:
        return len(self._events) > share * MAX_AHEAD or self._bytes > share * MAX_AHEAD_BYTES

    async def _skip_expired(self) -> None:
        """Go on at the oldest event kept; what lies between is recorded as expired."""
        end = await self._log.end(self._model, self._stream)
        for partition, position in self._next.items():
            if position > end.get(partition, 0):
                raise LogLost(f"the event log ends at {end.get(partition, 0)}, before position {position}")
        oldest = end
        reading = self._log.read(self._model, self._stream, {}, follow=False, limit=1)
        async with contextlib.aclosing(reading) as batches:
            async for batch in batches:
                oldest = {batch[0].partition: batch[0].offset}
                break
        for partition, offset in oldest.items():
            position = self._next.get(partition, 0)
            if position < offset:
                log.warning("events expired unlearned", model=self._model, first=position, end=offset)
                self._expired.append(OffsetRange(self._stream, partition, position, offset))
            self._next[partition] = offset
