"""Rows of `events`: read in order, proven, let go of.

Everything here runs in the database's own thread. `append_transaction` writes them.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from riverrun.core.errors import DigestMismatch
from riverrun.core.events import LoggedEvent
from riverrun.events.embedded import checksums, stream_rows
from riverrun.events.embedded.places import OFFSET_BITS, OFFSET_MASK, place_of
from riverrun.runtime.sqlite.transactions import transaction

ROWS_PER_STEP = 2_000
"""Rows that one transaction of trimming takes away: appends wait for it."""


def read(
    connection: sqlite3.Connection, stream_id: int, start: int, end: int, max_bytes: int
) -> list[LoggedEvent]:
    """Events of [start, end), oldest first: at least one, then as many as `max_bytes` of bodies hold.

    None where they were trimmed meanwhile. Raises `DigestMismatch` for a row that is missing or not as it
    was written.
    """
    expected, end_place = place_of(stream_id, start), place_of(stream_id, end)
    cursor = connection.execute(
        "SELECT place, event_id, time_ns, received_ns, body, checksum FROM events"
        " WHERE place >= ? AND place < ? ORDER BY place",
        (expected, end_place),
    )
    events: list[LoggedEvent] = []
    size = 0
    # A cursor that is left open keeps its transaction, and the file its lock.
    with contextlib.closing(cursor) as rows:
        for *columns, checksum in rows:
            if not events and columns[0] != expected and _trimmed(connection, stream_id, start):
                return []
            _check_event(columns, checksum, expected)
            place, event_id, time_ns, received_ns, body = columns
            size += len(body)
            if events and size > max_bytes:
                return events
            events.append(LoggedEvent(place & OFFSET_MASK, event_id, time_ns, received_ns, body))
            expected += 1
    if expected != end_place and not _trimmed(connection, stream_id, start):
        _check_event([None], 0, expected)
    return events


def drop(
    connection: sqlite3.Connection, stream_id: int, before: int, received_before_ns: int | None, rows: int
) -> int:
    """Let go of at most `rows` of the oldest events below offset `before`.

    With `received_before_ns` it stops at the first event received then or later. Returns the offset of
    the oldest event that is left below `before`, `before` itself when there is none.
    """
    low, high = place_of(stream_id, 0), place_of(stream_id, before)
    found = connection.execute(
        "SELECT place, received_ns FROM events WHERE place >= ? AND place < ? ORDER BY place LIMIT ?",
        (low, high, rows + 1),
    ).fetchall()
    first_kept = high
    for count, (place, received_ns) in enumerate(found):
        if count == rows or (received_before_ns is not None and received_ns >= received_before_ns):
            first_kept = place
            break
    if first_kept > low:
        with transaction(connection):
            take_away(connection, stream_id, first_kept & OFFSET_MASK)
    return first_kept & OFFSET_MASK


def take_away(connection: sqlite3.Connection, stream_id: int, before: int) -> None:
    """Within a transaction of the caller's, let go of all events below the offset `before`."""
    low, high = place_of(stream_id, 0), place_of(stream_id, before)
    connection.execute("DELETE FROM events WHERE place >= ? AND place < ?", (low, high))
    stream = stream_rows.find(connection, stream_id)
    if stream is not None:
        stream_rows.put(connection, replace(stream, first_offset=max(stream.first_offset, before)))


def _check_event(columns: Sequence[Any], checksum: int, expected: int) -> None:
    """Raise `DigestMismatch` unless these are the columns of the event at the place `expected`."""
    what = f"event at offset {expected & OFFSET_MASK} of stream {expected >> OFFSET_BITS}"
    if columns[0] != expected:
        raise DigestMismatch(f"{what} in the event log", "a row", "none")
    checksums.check(what, checksum, checksums.of_event, columns)


def _trimmed(connection: sqlite3.Connection, stream_id: int, offset: int) -> bool:
    stream = stream_rows.find(connection, stream_id)
    return stream is not None and stream.first_offset > offset
