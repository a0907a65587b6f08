"""Rows of `streams`: which events of each stream the tables hold.

Everything here runs in the database's own thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from riverrun.events.embedded import checksums


@dataclass(frozen=True, slots=True)
class StreamRow:
    """One stream: events from `first_offset` up to `next_offset` are kept."""

    id: int
    model: str
    name: str
    first_offset: int
    next_offset: int


def load(connection: sqlite3.Connection) -> list[StreamRow]:
    """Every stream that was ever appended to. Raises `DigestMismatch` for a damaged row."""
    return [_checked(row) for row in connection.execute("SELECT * FROM streams ORDER BY id")]


def find(connection: sqlite3.Connection, stream_id: int) -> StreamRow | None:
    """One stream as it is on disk, None where it is not. Raises `DigestMismatch` for a damaged row."""
    row = connection.execute("SELECT * FROM streams WHERE id = ?", (stream_id,)).fetchone()
    return None if row is None else _checked(row)


def put(connection: sqlite3.Connection, stream: StreamRow) -> None:
    """Write the row of one stream, new or known, within a transaction of the caller's."""
    columns = (stream.id, stream.model, stream.name, stream.first_offset, stream.next_offset)
    connection.execute(
        # Not OR REPLACE, which would also write the page of the index anew.
        "INSERT INTO streams VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
        "first_offset=excluded.first_offset, next_offset=excluded.next_offset, checksum=excluded.checksum",
        (*columns, checksums.of_stream(*columns)),
    )


def _checked(row: Sequence[Any]) -> StreamRow:
    *columns, checksum = row
    checksums.check(f"row of stream {columns[0]}", checksum, checksums.of_stream, columns)
    return StreamRow(*columns)
