"""Reads a stream's history files for one caller, some events at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from riverrun.core.errors import DigestMismatch
from riverrun.core.events import LoggedEvent
from riverrun.events.embedded import parquet
from riverrun.events.embedded.history import History
from riverrun.events.embedded.history_rows import HistoryFile


class HistoryReader:
    """Goes forward through the files of one stream; holds the bytes of one file at most."""

    def __init__(self, history: History, stream_id: int) -> None:
        self._history = history
        self._stream_id = stream_id
        self._origin = -1
        self._batches: Iterator[Sequence[LoggedEvent]] = iter(())
        self._events: Sequence[LoggedEvent] = ()

    async def read(self, position: int, limit: int, max_bytes: int) -> Sequence[LoggedEvent]:
        """Events from `position` on: at most `limit`, about `max_bytes` of bodies; none where no file has
        them any more. Raises `DigestMismatch` for a file that is not as it was written."""
        file = self._history.find(self._stream_id, position)
        if file is None:
            return ()
        if file.origin != self._origin:
            with self._history.holding():
                self._batches = await asyncio.to_thread(self._opened, file)
            self._origin, self._events = file.origin, ()
        while not self._events or self._events[-1].offset < position:
            events = await asyncio.to_thread(next, self._batches, None)
            if events is None:
                path = self._history.path_of(file)
                raise DigestMismatch(f"file {path}", f"the event at {position}", "no such event")
            self._events = events
        start = position - self._events[0].offset
        found = self._events[start : start + min(limit, file.end - position)]
        size = 0
        for count, event in enumerate(found):
            size += len(event.body)
            if size > max_bytes and count:
                return found[:count]
        return found

    def _opened(self, file: HistoryFile) -> Iterator[Sequence[LoggedEvent]]:
        return parquet.decode(self._history.read(file))
