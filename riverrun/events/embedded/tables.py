"""The statements over the log's tables; everything here runs in the database's own thread."""

from __future__ import annotations

import contextlib
import sqlite3
import struct
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from riverrun.core.errors import DigestMismatch
from riverrun.core.events import Appended, LoggedEvent
from riverrun.events.embedded import checksums
from riverrun.runtime.failpoints import reach
from riverrun.runtime.sqlite.transactions import transaction

OFFSET_BITS = 40
OFFSET_MASK = (1 << OFFSET_BITS) - 1

ROWS_PER_STEP = 2_000
"""Rows that one transaction of trimming takes away: appends wait for it."""

PAGES_PER_STEP = 512
"""Pages that one transaction gives back to the disk."""

OTHER_FINGERPRINT = "event_id: was given before with another label"


@dataclass(frozen=True, slots=True)
class StreamRow:
    """One stream: events from `first_offset` up to `next_offset` are kept."""

    id: int
    model: str
    name: str
    first_offset: int
    next_offset: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One event to append. `key` is what its id is found by, empty for an event that is always new.

    `received_ns` is the wall clock's, `own_ns` the log's own time, which its id ages by.
    """

    key: bytes
    event_id: str
    time_ns: int
    received_ns: int
    own_ns: int
    body: bytes
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class StreamAppend:
    """The entries of one append call, in order; ids older than `forget_ns`, in the log's own time, are
    forgotten."""

    stream: StreamRow
    entries: Sequence[Entry]
    forget_ns: int


@dataclass(frozen=True, slots=True)
class Written:
    """What one transaction did: an answer per entry of each append, and what each stream gained."""

    answers: list[list[Appended]]
    gained: dict[int, list[LoggedEvent]]


def load_streams(connection: sqlite3.Connection) -> list[StreamRow]:
    """Every stream that was ever appended to. Raises `DigestMismatch` for a damaged row."""
    return [_checked_stream(row) for row in connection.execute("SELECT * FROM streams ORDER BY id")]


def stream_now(connection: sqlite3.Connection, stream_id: int) -> StreamRow | None:
    """One stream as it is on disk, None where it is not. Raises `DigestMismatch` for a damaged row."""
    row = connection.execute("SELECT * FROM streams WHERE id = ?", (stream_id,)).fetchone()
    return None if row is None else _checked_stream(row)


def check(what: str, written: int, checksum: Callable[..., int], columns: Sequence[Any]) -> None:
    """Raise `DigestMismatch`, naming the row as `what`, unless its `columns` have the checksum `written`."""
    try:
        found = str(checksum(*columns))
    except (TypeError, ValueError, AttributeError, struct.error) as error:
        found = f"none: {error}"
    if found != str(written):
        raise DigestMismatch(f"{what} in the event log", str(written), found)


def log_id(connection: sqlite3.Connection) -> str:
    """The log's own id, made when it is first asked for. Raises `DigestMismatch` for a damaged one."""
    row = connection.execute("SELECT key, value, checksum FROM meta").fetchone()
    if row is not None:
        check("row of meta", row["checksum"], checksums.of_meta, (row["key"], row["value"]))
        return str(row["value"])
    made = uuid.uuid4().hex
    connection.execute("INSERT INTO meta VALUES ('log_id', ?, ?)", (made, checksums.of_meta("log_id", made)))
    return made


def write(connection: sqlite3.Connection, appends: Sequence[StreamAppend]) -> Written:
    """Append all of `appends` in one transaction; on disk when this returns."""
    next_offsets = {append.stream.id: append.stream.next_offset for append in appends}
    gained: dict[int, list[LoggedEvent]] = {stream_id: [] for stream_id in next_offsets}
    answers: list[list[Appended]] = []
    reach("events.before-write")
    with transaction(connection):
        for append in appends:
            stream_id = append.stream.id
            answer: list[Appended] = []
            for entry in append.entries:
                known = _known(connection, entry, append.forget_ns) if entry.key else None
                if known is None:
                    offset = next_offsets[stream_id]
                    next_offsets[stream_id] = offset + 1
                    gained[stream_id].append(_insert(connection, stream_id, offset, entry))
                    known = Appended(offset)
                answer.append(known)
            answers.append(answer)
        reach("events.half-written")
        streams = {append.stream.id: append.stream for append in appends if gained[append.stream.id]}
        for stream in streams.values():
            # What was trimmed since the call was made must not come back.
            present = stream_now(connection, stream.id) or stream
            _put_stream(connection, replace(present, next_offset=next_offsets[stream.id]))
        reach("events.after-write")
    reach("events.after-fsync")
    return Written(answers, gained)


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
            check_event(columns, checksum, expected)
            place, event_id, time_ns, received_ns, body = columns
            size += len(body)
            if events and size > max_bytes:
                return events
            events.append(LoggedEvent(place & OFFSET_MASK, event_id, time_ns, received_ns, body))
            expected += 1
    if expected != end_place and not _trimmed(connection, stream_id, start):
        check_event([None], 0, expected)
    return events


def _trimmed(connection: sqlite3.Connection, stream_id: int, offset: int) -> bool:
    stream = stream_now(connection, stream_id)
    return stream is not None and stream.first_offset > offset


def check_event(columns: Sequence[Any], checksum: int, expected: int) -> None:
    """Raise `DigestMismatch` unless these are the columns of the event at the place `expected`."""
    what = f"event at offset {expected & OFFSET_MASK} of stream {expected >> OFFSET_BITS}"
    if columns[0] != expected:
        raise DigestMismatch(f"{what} in the event log", "a row", "none")
    check(what, checksum, checksums.of_event, columns)


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
    stream = stream_now(connection, stream_id)
    if stream is not None:
        _put_stream(connection, replace(stream, first_offset=max(stream.first_offset, before)))


def give_back(connection: sqlite3.Connection) -> None:
    """Give some of the file's free pages back to the disk; a file of format 1 keeps its own for ever."""
    connection.execute(f"PRAGMA incremental_vacuum({PAGES_PER_STEP})").fetchall()


def newest_id_ns(connection: sqlite3.Connection, streams: Sequence[StreamRow]) -> int:
    """The log's own time when it took in the newest id that it knows; 0 for none. Raises `DigestMismatch`."""
    newest = 0
    for stream in streams:
        row = connection.execute(
            "SELECT place, key, received_ns, fingerprint, checksum FROM event_ids"
            " WHERE place >= ? AND place < ? ORDER BY place DESC LIMIT 1",
            (place_of(stream.id, 0), place_of(stream.id + 1, 0)),
        ).fetchone()
        if row is not None:
            *columns, checksum = row
            check(f"id of place {columns[0]}", checksum, checksums.of_id, columns)
            newest = max(newest, columns[2])
    return newest


def forget_ids(connection: sqlite3.Connection, stream_id: int, own_before_ns: int) -> bool:
    """Forget at most `ROWS_PER_STEP` ids older than the horizon; whether there may be more."""
    rows = connection.execute(
        "SELECT place, received_ns FROM event_ids WHERE place >= ? AND place < ? ORDER BY place LIMIT ?",
        (place_of(stream_id, 0), place_of(stream_id + 1, 0), ROWS_PER_STEP),
    ).fetchall()
    old = [(place,) for place, received_ns in rows if received_ns < own_before_ns]
    if old:
        with transaction(connection):
            connection.executemany("DELETE FROM event_ids WHERE place = ?", old)
    return len(old) == ROWS_PER_STEP


def place_of(stream_id: int, offset: int) -> int:
    """Where the event at `offset` of a stream is."""
    return (stream_id << OFFSET_BITS) | offset


def _known(connection: sqlite3.Connection, entry: Entry, forget_ns: int) -> Appended | None:
    """The answer for an id that was there before, None for a new one."""
    row = connection.execute(
        "SELECT place, key, received_ns, fingerprint, checksum FROM event_ids WHERE key = ?", (entry.key,)
    ).fetchone()
    if row is None:
        return None
    *columns, checksum = row
    check(f"id of place {columns[0]}", checksum, checksums.of_id, columns)
    place, _, received_ns, fingerprint = columns
    if received_ns < forget_ns:
        connection.execute("DELETE FROM event_ids WHERE place = ?", (place,))
        return None
    if entry.fingerprint and fingerprint and entry.fingerprint != fingerprint:
        return Appended(-1, refused=OTHER_FINGERPRINT)
    return Appended(place & OFFSET_MASK, duplicate=True)


def _insert(connection: sqlite3.Connection, stream_id: int, offset: int, entry: Entry) -> LoggedEvent:
    place = place_of(stream_id, offset)
    event = (place, entry.event_id, entry.time_ns, entry.received_ns, entry.body)
    connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", (*event, checksums.of_event(*event)))
    if entry.key:
        known = (place, entry.key, entry.own_ns, entry.fingerprint)
        connection.execute("INSERT INTO event_ids VALUES (?, ?, ?, ?, ?)", (*known, checksums.of_id(*known)))
    return LoggedEvent(offset, entry.event_id, entry.time_ns, entry.received_ns, entry.body)


def _put_stream(connection: sqlite3.Connection, stream: StreamRow) -> None:
    columns = (stream.id, stream.model, stream.name, stream.first_offset, stream.next_offset)
    connection.execute(
        # Not OR REPLACE, which would also write the page of the index anew.
        "INSERT INTO streams VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
        "first_offset=excluded.first_offset, next_offset=excluded.next_offset, checksum=excluded.checksum",
        (*columns, checksums.of_stream(*columns)),
    )


def _checked_stream(row: Sequence[Any]) -> StreamRow:
    *columns, checksum = row
    check(f"row of stream {columns[0]}", checksum, checksums.of_stream, columns)
    return StreamRow(*columns)
