"""The log's tables, and the statements over them; everything here runs in the database's own thread.

A *place* is one number for (stream, offset): events of a stream lie side by side in the order of their
offsets, so that appending, reading and trimming all work at one spot of one tree.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from riverrun.core.events import Appended, LoggedEvent
from riverrun.runtime.database import transaction
from riverrun.runtime.failpoints import reach

FORMAT = 1

SCHEMA = """
CREATE TABLE streams (
    id INTEGER PRIMARY KEY,
    model TEXT NOT NULL,
    name TEXT NOT NULL,
    first_offset INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    UNIQUE (model, name)
);
CREATE TABLE events (
    place INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL,
    time_ns INTEGER NOT NULL,
    received_ns INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE TABLE event_ids (
    place INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    received_ns INTEGER NOT NULL,
    fingerprint BLOB NOT NULL
);
"""

_OFFSET_BITS = 40
_OFFSET_MASK = (1 << _OFFSET_BITS) - 1

ROWS_PER_STEP = 2_000
"""Rows that one transaction of trimming takes away: appends wait for it."""

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
    """One event to append. `key` is what its id is found by, empty for an event that is always new."""

    key: bytes
    event_id: str
    time_ns: int
    received_ns: int
    body: bytes
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class StreamAppend:
    """The entries of one append call, in order; ids older than `forget_ns` are forgotten."""

    stream: StreamRow
    entries: Sequence[Entry]
    forget_ns: int


@dataclass(frozen=True, slots=True)
class Written:
    """What one transaction did: an answer per entry of each append, and what each stream gained."""

    answers: list[list[Appended]]
    gained: dict[int, list[LoggedEvent]]


def load_streams(connection: sqlite3.Connection) -> list[StreamRow]:
    """Every stream that was ever appended to."""
    return [StreamRow(*row) for row in connection.execute("SELECT * FROM streams")]


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
            connection.execute(
                "INSERT INTO streams VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET next_offset = excluded.next_offset",
                (stream.id, stream.model, stream.name, stream.first_offset, next_offsets[stream.id]),
            )
        reach("events.after-write")
    reach("events.after-fsync")
    return Written(answers, gained)


def read(
    connection: sqlite3.Connection, stream_id: int, start: int, end: int, max_bytes: int
) -> list[LoggedEvent]:
    """Events of [start, end), oldest first: at least one, then as many as `max_bytes` of bodies hold."""
    rows = connection.execute(
        "SELECT place, event_id, time_ns, received_ns, body FROM events"
        " WHERE place >= ? AND place < ? ORDER BY place",
        (_place(stream_id, start), _place(stream_id, end)),
    )
    events: list[LoggedEvent] = []
    size = 0
    for place, event_id, time_ns, received_ns, body in rows:
        size += len(body)
        if events and size > max_bytes:
            break
        events.append(LoggedEvent(place & _OFFSET_MASK, event_id, time_ns, received_ns, body))
    rows.close()
    return events


def drop(connection: sqlite3.Connection, stream_id: int, before: int, received_before_ns: int | None) -> int:
    """Let go of at most `ROWS_PER_STEP` of the oldest events below offset `before`.

    With `received_before_ns` it stops at the first event received then or later. Returns the offset of
    the oldest event that is left below `before`, `before` itself when there is none.
    """
    low, high = _place(stream_id, 0), _place(stream_id, before)
    rows = connection.execute(
        "SELECT place, received_ns FROM events WHERE place >= ? AND place < ? ORDER BY place LIMIT ?",
        (low, high, ROWS_PER_STEP + 1),
    ).fetchall()
    first_kept = high
    for count, (place, received_ns) in enumerate(rows):
        if count == ROWS_PER_STEP or (received_before_ns is not None and received_ns >= received_before_ns):
            first_kept = place
            break
    if first_kept > low:
        with transaction(connection):
            connection.execute("DELETE FROM events WHERE place >= ? AND place < ?", (low, first_kept))
            connection.execute(
                "UPDATE streams SET first_offset = max(first_offset, ?) WHERE id = ?",
                (first_kept & _OFFSET_MASK, stream_id),
            )
    return first_kept & _OFFSET_MASK


def forget_ids(connection: sqlite3.Connection, stream_id: int, received_before_ns: int) -> bool:
    """Forget at most `ROWS_PER_STEP` ids older than the horizon; whether there may be more."""
    rows = connection.execute(
        "SELECT place, received_ns FROM event_ids WHERE place >= ? AND place < ? ORDER BY place LIMIT ?",
        (_place(stream_id, 0), _place(stream_id + 1, 0), ROWS_PER_STEP),
    ).fetchall()
    old = [(place,) for place, received_ns in rows if received_ns < received_before_ns]
    if old:
        with transaction(connection):
            connection.executemany("DELETE FROM event_ids WHERE place = ?", old)
    return len(old) == ROWS_PER_STEP


def _place(stream_id: int, offset: int) -> int:
    return (stream_id << _OFFSET_BITS) | offset


def _known(connection: sqlite3.Connection, entry: Entry, forget_ns: int) -> Appended | None:
    """The answer for an id that was there before, None for a new one."""
    row = connection.execute(
        "SELECT place, received_ns, fingerprint FROM event_ids WHERE key = ?", (entry.key,)
    ).fetchone()
    if row is None:
        return None
    place, received_ns, fingerprint = row
    if received_ns < forget_ns:
        connection.execute("DELETE FROM event_ids WHERE place = ?", (place,))
        return None
    if entry.fingerprint and fingerprint and entry.fingerprint != fingerprint:
        return Appended(-1, refused=OTHER_FINGERPRINT)
    return Appended(place & _OFFSET_MASK, duplicate=True)


def _insert(connection: sqlite3.Connection, stream_id: int, offset: int, entry: Entry) -> LoggedEvent:
    place = _place(stream_id, offset)
    connection.execute(
        "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
        (place, entry.event_id, entry.time_ns, entry.received_ns, entry.body),
    )
    if entry.key:
        connection.execute(
            "INSERT INTO event_ids VALUES (?, ?, ?, ?)",
            (place, entry.key, entry.received_ns, entry.fingerprint),
        )
    return LoggedEvent(offset, entry.event_id, entry.time_ns, entry.received_ns, entry.body)
