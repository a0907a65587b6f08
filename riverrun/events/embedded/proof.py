"""Proving the log: every row by its checksum, every stream without a gap, every id found by its key.

A log up to `WHOLE_MAX` bytes is proven as a whole when it is opened. Of a larger one that are the streams
and the newest events of each; the rest is proven by and by while the log is in use, and each event once
more when it is read.
"""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from riverrun.core.errors import DigestMismatch
from riverrun.events.embedded import checksums, event_rows, history_rows, id_rows, stream_rows
from riverrun.events.embedded.history import History
from riverrun.events.embedded.history_rows import HistoryFile
from riverrun.events.embedded.identity import log_id
from riverrun.events.embedded.log_disk import LogDisk
from riverrun.events.embedded.schema import FORMAT
from riverrun.events.embedded.stream_rows import StreamRow
from riverrun.runtime.sqlite.database import Database
from riverrun.runtime.sqlite.database_file import Found, find_damage
from riverrun.runtime.sqlite.error_codes import is_damage

WHOLE_MAX = 32 << 20
"""Bytes of a log that is proven as a whole at the start: some 110,000 events, 0.6 s of a core."""

NEWEST = 10_000
"""Events of each stream that are proven at the start of a larger log."""

PROVE_ROWS, PROVE_EVERY_S = 500, 0.02
"""Pace of proving a large log while it is in use: about a millisecond of every twenty."""

_LAST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Proven:
    """What a log holds. `whole`: each row is proven, not just the newest; `ids` are counted only then.
    `files` are those of history that its rows name; nobody has looked at them.

    `newest_id_ns` is the log's own time when it took in its newest id, 0 for none.
    """

    log_id: str
    streams: tuple[StreamRow, ...]
    files: tuple[HistoryFile, ...]
    ids: int
    newest_id_ns: int
    whole: bool

    @property
    def events(self) -> int:
        return sum(stream.next_offset - stream.first_offset for stream in self.streams)


def opened(path: Path) -> tuple[Database, Found, Proven]:
    """The log's database at `path`, made where there is none, and what it holds; blocks.

    Raises `WrongFormat`, `DigestMismatch`, and sqlite3.OperationalError for a file in use.
    """
    try:
        database = Database(path, FORMAT)
    except Exception as error:
        if is_damage(error):
            raise DigestMismatch(f"file {path.name}", "a database of this program", str(error)) from error
        raise
    try:
        whole = path.stat().st_size <= WHOLE_MAX
        return database, database.found, database.run_now(lambda c: prove(c, path.name, whole=whole))
    except BaseException:
        database.close()
        raise


def prove(connection: sqlite3.Connection, name: str, *, whole: bool) -> Proven:
    """What the log in the file `name` holds. Raises `DigestMismatch` naming what is damaged."""
    try:
        return _prove_whole(connection, name) if whole else _prove_newest(connection)
    except Exception as error:
        if is_damage(error):
            # A flipped bit in a page's structure: rows that cannot be found, or are of other types.
            raise DigestMismatch(f"file {name}", "rows of this program", str(error)) from error
        raise


def prove_events(connection: sqlite3.Connection, stream_id: int, offset: int, limit: int) -> int | None:
    """Prove at most `limit` events from `offset` on; from where to go on, None at the stream's end."""
    stream = stream_rows.find(connection, stream_id)
    if stream is None:
        raise DigestMismatch(f"row of stream {stream_id} in the event log", "a row", "none")
    start = max(offset, stream.first_offset)
    end = min(start + limit, stream.next_offset)
    while start < end:
        start += len(event_rows.read(connection, stream_id, start, end, 1 << 20))
    return start if start < stream.next_offset else None


def prove_ids(connection: sqlite3.Connection, place: int, limit: int, *, by_key: bool = True) -> int | None:
    """Prove at most `limit` ids from `place` on, and that each is found by its key; as `prove_events`.

    Without `by_key` the index is not looked at: `integrity_check` does that faster.
    """
    rows = connection.execute(
        "SELECT place, key, received_ns, fingerprint, checksum FROM event_ids WHERE place >= ?"
        " ORDER BY place LIMIT ?",
        (place, limit),
    ).fetchall()
    for *columns, checksum in rows:
        what = f"id of place {columns[0]}"
        checksums.check(what, checksum, checksums.of_id, columns)
        if not by_key:
            continue
        found = connection.execute("SELECT place FROM event_ids WHERE key = ?", (columns[1],)).fetchone()
        if found is None or found[0] != columns[0]:
            raise DigestMismatch(f"{what} in the event log", "to be found by its key", "another or none")
    return columns[0] + 1 if len(rows) == limit else None


async def prove_rest(proven: Proven, history: History, disk: LogDisk) -> None:
    """Prove, little by little, what `proven` leaves open: the older rows of a large log, and history files.

    Raises as `LogDisk.guarded` does.
    """
    if not proven.whole:
        for stream in proven.streams:
            offset: int | None = 0
            while offset is not None:
                await asyncio.sleep(PROVE_EVERY_S)
                offset = await disk.run(partial(_events_from, stream.id, offset))
        place: int | None = 0
        while place is not None:
            await asyncio.sleep(PROVE_EVERY_S)
            place = await disk.run(partial(_ids_from, place))
    for file in proven.files:
        await asyncio.sleep(PROVE_EVERY_S)
        with history.holding():
            # It may have gone, or name other events by now.
            known = history.now(file)
            if known is not None:
                await disk.guarded(asyncio.to_thread(history.prove, known))


def _events_from(stream_id: int, offset: int, connection: sqlite3.Connection) -> int | None:
    return prove_events(connection, stream_id, offset, PROVE_ROWS)


def _ids_from(place: int, connection: sqlite3.Connection) -> int | None:
    return prove_ids(connection, place, PROVE_ROWS)


def _prove_whole(connection: sqlite3.Connection, name: str) -> Proven:
    damage = find_damage(connection)
    if damage:
        raise DigestMismatch(f"file {name}", "an intact database", damage)
    streams = stream_rows.load(connection)
    for stream in streams:
        prove_events(connection, stream.id, 0, _LAST)
    events, ids = connection.execute(
        "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM event_ids)"
    ).fetchone()
    if events != sum(stream.next_offset - stream.first_offset for stream in streams):
        raise DigestMismatch(f"table events in {name}", "events of its streams alone", f"{events} events")
    prove_ids(connection, 0, _LAST, by_key=False)
    files = tuple(history_rows.load(connection, streams))
    newest_ns = id_rows.newest_ns(connection, streams)
    return Proven(log_id(connection), tuple(streams), files, ids, newest_ns, whole=True)


def _prove_newest(connection: sqlite3.Connection) -> Proven:
    streams = stream_rows.load(connection)
    for stream in streams:
        prove_events(connection, stream.id, stream.next_offset - NEWEST, NEWEST)
    files = tuple(history_rows.load(connection, streams))
    newest_ns = id_rows.newest_ns(connection, streams)
    return Proven(log_id(connection), tuple(streams), files, 0, newest_ns, whole=False)
