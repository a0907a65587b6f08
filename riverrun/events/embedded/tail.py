"""The newest events of one stream, in memory: a follower at the end never touches the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from riverrun.core.events import LoggedEvent

KEPT_EVENTS = 2_048
KEPT_BYTES = 4 << 20


class Tail:
    """The last events of one stream up to its end, and the news that there are more."""

    def __init__(self, end: int) -> None:
        self._events: list[LoggedEvent] = []
        self._bytes = 0
        self._grown = asyncio.Event()
        self.end = end

    @property
    def start(self) -> int:
        """The offset of the oldest event that is in memory; `end` when there is none."""
        return self.end - len(self._events)

    def extend(self, events: Sequence[LoggedEvent]) -> None:
        """Take in events that are on disk now, and wake whoever waits for them."""
        self._events += events
        self._bytes += sum(len(event.body) for event in events)
        self.end += len(events)
        if len(self._events) > KEPT_EVENTS or self._bytes > KEPT_BYTES:
            self._shrink()
        self.wake()

    def wake(self) -> None:
        """Wake whoever waits in `grown`."""
        self._grown.set()
        self._grown = asyncio.Event()

    async def grown(self) -> None:
        """Return after the next `extend` or `wake`."""
        await self._grown.wait()

    def read(self, start: int, limit: int, max_bytes: int) -> Sequence[LoggedEvent]:
        """Events from `start` on, which is not below `self.start`: at most `limit`, and about `max_bytes`."""
        first = start - self.start
        events = self._events[first : first + limit]
        size = 0
        for count, event in enumerate(events):
            size += len(event.body)
            if size > max_bytes and count:
                return events[:count]
        return events

    def _shrink(self) -> None:
        # Half at a time, so that the cost of moving the list is spread over many events.
        kept = self._events[-KEPT_EVENTS // 2 :]
        size = sum(len(event.body) for event in kept)
        first = 0
        while size > KEPT_BYTES // 2 and first < len(kept):
            size -= len(kept[first].body)
            first += 1
        self._events = kept[first:]
        self._bytes = size
