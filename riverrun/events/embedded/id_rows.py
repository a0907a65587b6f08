"""Rows of `event_ids`: which ids are known, and until when they count.

Everything here runs in the database's own thread. `append_transaction` writes them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from riverrun.core.events import Appended
from riverrun.events.embedded import checksums
from riverrun.events.embedded.places import OFFSET_MASK, place_of
from riverrun.events.embedded.stream_rows import StreamRow
from riverrun.runtime.sqlite.transactions import transaction

OTHER_FINGERPRINT = "event_id: was given before with another label"


def known_id(
    connection: sqlite3.Connection, key: bytes, fingerprint: bytes, forget_ns: int
) -> Appended | None:
    """The answer for an id that was there before, None for a new one.

    One older than `forget_ns`, in the log's own time, is forgotten, within a transaction of the caller's.
    Raises `DigestMismatch` for a damaged row.
    """
    row = connection.execute(
        "SELECT place, key, received_ns, fingerprint, checksum FROM event_ids WHERE key = ?", (key,)
    ).fetchone()
    if row is None:
        return None
    *columns, checksum = row
    checksums.check(f"id of place {columns[0]}", checksum, checksums.of_id, columns)
    place, _, received_ns, known_fingerprint = columns
    if received_ns < forget_ns:
        connection.execute("DELETE FROM event_ids WHERE place = ?", (place,))
        return None
    if fingerprint and known_fingerprint and fingerprint != known_fingerprint:
        return Appended(-1, refused=OTHER_FINGERPRINT)
    return Appended(place & OFFSET_MASK, duplicate=True)


def forget(connection: sqlite3.Connection, stream_id: int, own_before_ns: int, limit: int) -> bool:
    """Forget at most `limit` ids older than `own_before_ns`; whether there may be more."""
    rows = connection.execute(
        "SELECT place, received_ns FROM event_ids WHERE place >= ? AND place < ? ORDER BY place LIMIT ?",
        (place_of(stream_id, 0), place_of(stream_id + 1, 0), limit),
    ).fetchall()
    old = [(place,) for place, received_ns in rows if received_ns < own_before_ns]
    if old:
        with transaction(connection):
            connection.executemany("DELETE FROM event_ids WHERE place = ?", old)
    return len(old) == limit


def newest_ns(connection: sqlite3.Connection, streams: Sequence[StreamRow]) -> int:
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
            checksums.check(f"id of place {columns[0]}", checksum, checksums.of_id, columns)
            newest = max(newest, columns[2])
    return newest
