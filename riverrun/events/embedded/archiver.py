"""Moves old events from the log's tables into history files, and lets old files go.

A file is whole and on disk before the first transaction names it; then its events leave the tables some at
a time, each time with the row that says how far. So whatever ends the process, each event is in one place.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from riverrun.core.events import LoggedEvent
from riverrun.events.embedded import event_rows, history_rows, parquet
from riverrun.events.embedded.history import History
from riverrun.events.embedded.history_rows import HistoryFile
from riverrun.events.embedded.log_disk import LogDisk
from riverrun.events.embedded.stream_rows import StreamRow
from riverrun.runtime.failpoints import reach

FILE_EVENTS = 20_000
"""Encoding so many takes about 20 ms, in which no other thread runs Python."""

FILE_BYTES = 32 << 20
"""Of bodies, before they are compressed: a file that is being written or read is in memory."""

WAIT_S = 6 * 3600.0
"""How long events that may move wait for enough others to fill a file."""


class Archiver:
    """Over the files of one log. Its calls must not overlap with each other or with a trim."""

    def __init__(self, history: History, disk: LogDisk) -> None:
        self._history = history
        self._disk = disk

    async def move(self, stream: StreamRow, below: int, before_ns: int, moved: Callable[[int], None]) -> int:
        """Move the oldest events, below the offset `below` and received before `before_ns`, into one file.

        How many: none where they are too few for a file and have not waited long enough. `moved` is told, as
        soon as that is so, up to which offset the files hold the stream.
        """
        at_hand: history_rows.Oldest = await self._disk.run(
            lambda c: history_rows.oldest(c, stream, below, FILE_EVENTS)
        )
        is_full = at_hand.events == FILE_EVENTS and at_hand.newest_ns < before_ns
        if not at_hand.events or not (is_full or at_hand.oldest_ns < before_ns - int(WAIT_S * 1e9)):
            return 0
        first = stream.first_offset
        taken = await self._taken(stream, first + at_hand.events, before_ns)
        if not taken:
            return 0
        newest_ns = max(event.received_ns for events in taken for event in events)
        batches = [await asyncio.to_thread(parquet.as_batch, events) for events in taken]
        end = taken[-1][-1].offset + 1
        writing = asyncio.to_thread(self._written, stream, first, newest_ns, batches)
        file: HistoryFile = await self._disk.guarded(writing)
        reach("history.after-file")
        while file.end < end:
            until = min(end, file.end + event_rows.ROWS_PER_STEP)
            file = await self._disk.run(partial(history_rows.move, file=file, end=until))
            self._history.put(file)
            moved(file.end)
            reach("history.half-moved")
        reach("history.after-move")
        return end - first

    async def drop(self, stream_id: int, below: int, before_ns: int) -> None:
        """Let go of the oldest files, as long as they lie below the offset `below` and all of their events
        were received before `before_ns`."""
        may_go = itertools.takewhile(
            lambda file: file.end <= below and file.newest_ns < before_ns, self._history.of(stream_id)
        )
        await self._drop(list(may_go))

    async def drop_oldest(self, stream_id: int, below: int) -> int:
        """Let go of the oldest file where it lies below the offset `below`; how many events it named."""
        return await self._drop([file for file in self._history.of(stream_id)[:1] if file.end <= below])

    async def trim(self, stream_id: int, before: int) -> None:
        """Let go of what is below the offset `before`. Events of a file with others stay in it, unnamed."""
        files = self._history.of(stream_id)
        await self._drop([file for file in files if file.end <= before])
        partly = self._history.find(stream_id, before)
        if partly is not None and partly.first < before:
            self._history.put(await self._disk.run(lambda c: history_rows.trim(c, partly, before)))

    async def _taken(self, stream: StreamRow, end: int, before_ns: int) -> Sequence[Sequence[LoggedEvent]]:
        """The events from the stream's first up to `end` that go into one file."""
        taken: list[Sequence[LoggedEvent]] = []
        position, room = stream.first_offset, FILE_BYTES
        while position < end and room > 0:
            until = min(end, position + event_rows.ROWS_PER_STEP)
            read = partial(event_rows.read, stream_id=stream.id, start=position, end=until, max_bytes=room)
            events: list[LoggedEvent] = await self._disk.run(read)
            old = list(itertools.takewhile(lambda event: event.received_ns < before_ns, events))
            if old:
                taken.append(old)
            if len(old) < len(events) or not events:
                break
            position += len(events)
            room -= sum(len(event.body) for event in events)
        return taken

    def _written(self, stream: StreamRow, first: int, newest_ns: int, batches: Sequence[Any]) -> HistoryFile:
        return self._history.write(stream, first, newest_ns, parquet.encode(batches))

    async def _drop(self, files: Sequence[HistoryFile]) -> int:
        if files:
            await self._disk.run(lambda c: history_rows.drop(c, files))
            reach("history.after-drop")
            self._history.forget(files)
        return sum(file.end - file.first for file in files)
