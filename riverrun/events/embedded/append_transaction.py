"""One transaction of appends: the entries of many calls, written at once.

It runs in the database's own thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

from riverrun.core.events import Appended, LoggedEvent
from riverrun.events.embedded import checksums, stream_rows
from riverrun.events.embedded.id_rows import known_id
from riverrun.events.embedded.intake import Entry
from riverrun.events.embedded.places import place_of
from riverrun.events.embedded.stream_rows import StreamRow
from riverrun.runtime.failpoints import reach
from riverrun.runtime.sqlite.transactions import transaction


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


def write_appends(connection: sqlite3.Connection, appends: Sequence[StreamAppend]) -> Written:
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
                known = None
                if entry.key:
                    known = known_id(connection, entry.key, entry.fingerprint, append.forget_ns)
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
            present = stream_rows.find(connection, stream.id) or stream
            stream_rows.put(connection, replace(present, next_offset=next_offsets[stream.id]))
        reach("events.after-write")
    reach("events.after-fsync")
    return Written(answers, gained)


def _insert(connection: sqlite3.Connection, stream_id: int, offset: int, entry: Entry) -> LoggedEvent:
    place = place_of(stream_id, offset)
    event = (place, entry.event_id, entry.time_ns, entry.received_ns, entry.body)
    connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", (*event, checksums.of_event(*event)))
    if entry.key:
        known = (place, entry.key, entry.own_ns, entry.fingerprint)
        connection.execute("INSERT INTO event_ids VALUES (?, ?, ?, ?, ?)", (*known, checksums.of_id(*known)))
    return LoggedEvent(offset, entry.event_id, entry.time_ns, entry.received_ns, entry.body)
