"""The rows that name history files; everything here runs in the database's own thread.

A file is written before the first row names it, and goes after its row went: what a crash leaves behind is
a file that no row names. Events leave their table in the transaction in which the row takes them in, so that
each is in one of the two at any time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from riverrun.core.errors import DigestMismatch
from riverrun.events.embedded import checksums, event_rows
from riverrun.events.embedded.places import OFFSET_BITS, OFFSET_MASK, place_of
from riverrun.events.embedded.stream_rows import StreamRow
from riverrun.runtime.sqlite.transactions import transaction


@dataclass(frozen=True, slots=True)
class HistoryFile:
    """The events [first, end) of a stream, in a file whose oldest event is at `origin`.

    The file may hold more: before `first` what was trimmed since, from `end` on what a crash kept from being
    moved. `newest_ns` is when the newest event in it was received.
    """

    stream_id: int
    origin: int
    first: int
    end: int
    newest_ns: int
    size: int
    sha: bytes

    @property
    def place(self) -> int:
        return place_of(self.stream_id, self.origin)


@dataclass(frozen=True, slots=True)
class Oldest:
    """The oldest events of a stream that may move: how many from the first on, at most as many as were
    asked for, and when the oldest and the newest of these were received."""

    events: int
    oldest_ns: int
    newest_ns: int


def load(connection: sqlite3.Connection, streams: Sequence[StreamRow]) -> list[HistoryFile]:
    """Every row, oldest first within its stream. Raises `DigestMismatch` for a damaged row, and for events
    that are in no file and no row though older ones are."""
    files = [_checked(row) for row in connection.execute("SELECT * FROM history ORDER BY place")]
    next_first = {stream.id: stream.first_offset for stream in streams}
    for file in reversed(files):
        expected = next_first.get(file.stream_id)
        if file.end != expected:
            what = f"history of stream {file.stream_id} in the event log"
            raise DigestMismatch(what, f"events up to {expected}", f"up to {file.end}")
        next_first[file.stream_id] = file.first
    return files


def oldest(connection: sqlite3.Connection, stream: StreamRow, below: int, limit: int) -> Oldest:
    """The oldest events below the offset `below`: one look at each end, whatever is between."""
    end = min(below, stream.first_offset + limit)
    if end <= stream.first_offset:
        return Oldest(0, 0, 0)
    times = [
        connection.execute(
            "SELECT received_ns FROM events WHERE place = ?", (place_of(stream.id, offset),)
        ).fetchone()
        for offset in (stream.first_offset, end - 1)
    ]
    if None in times:
        raise DigestMismatch(f"events of stream {stream.id} in the event log", "a row for each", "none")
    return Oldest(end - stream.first_offset, times[0][0], times[1][0])


def move(connection: sqlite3.Connection, file: HistoryFile, end: int) -> HistoryFile:
    """Have the row of `file`, new or known, name the events up to `end` as well, which leave their table."""
    moved = replace(file, end=end)
    with transaction(connection):
        _put(connection, moved)
        event_rows.take_away(connection, file.stream_id, end)
    return moved


def trim(connection: sqlite3.Connection, file: HistoryFile, first: int) -> HistoryFile:
    """Have the row of `file` name no event before `first`."""
    trimmed = replace(file, first=first)
    with transaction(connection):
        _put(connection, trimmed)
    return trimmed


def drop(connection: sqlite3.Connection, files: Sequence[HistoryFile]) -> None:
    """Let go of the rows of `files`."""
    with transaction(connection):
        connection.executemany("DELETE FROM history WHERE place = ?", [(file.place,) for file in files])


def _put(connection: sqlite3.Connection, file: HistoryFile) -> None:
    columns = (file.place, file.first, file.end, file.newest_ns, file.size, file.sha)
    connection.execute(
        "INSERT OR REPLACE INTO history VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*columns, checksums.of_history(*columns)),
    )


def _checked(row: Sequence[Any]) -> HistoryFile:
    *columns, checksum = row
    checksums.check(f"row of history file {columns[0]}", checksum, checksums.of_history, columns)
    place, *rest = columns
    return HistoryFile(place >> OFFSET_BITS, place & OFFSET_MASK, *rest)
