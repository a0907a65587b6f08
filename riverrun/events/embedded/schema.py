"""The tables of the log's SQLite file, and how older files are brought up to them.

A *place* is one number for a stream and an offset (see `places`). `event_ids` outlives the events it names,
for as long as an id counts once; its `received_ns` is the log's own time. A row of `history` names a file of
events that are older than those of `events`, by the place of its oldest. Each row carries its checksum.
"""

from __future__ import annotations

import sqlite3

from riverrun.events.embedded import checksums
from riverrun.runtime.sqlite.database_file import find_damage
from riverrun.runtime.sqlite.store_format import Format
from riverrun.runtime.sqlite.transactions import run_script

_SCHEMA_2 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL, checksum INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE streams (
    id INTEGER PRIMARY KEY,
    model TEXT NOT NULL,
    name TEXT NOT NULL,
    first_offset INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (model, name)
);
CREATE TABLE events (
    place INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL,
    time_ns INTEGER NOT NULL,
    received_ns INTEGER NOT NULL,
    body BLOB NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE TABLE event_ids (
    place INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    received_ns INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    checksum INTEGER NOT NULL
)"""

_HISTORY = """
CREATE TABLE history (
    place INTEGER PRIMARY KEY,
    first INTEGER NOT NULL,
    end INTEGER NOT NULL,
    newest_ns INTEGER NOT NULL,
    size INTEGER NOT NULL,
    sha BLOB NOT NULL,
    checksum INTEGER NOT NULL
)"""

SCHEMA = f"{_SCHEMA_2};{_HISTORY}"


def _add_checksums(connection: sqlite3.Connection) -> None:
    """Format 1 had the same tables without checksums, and no `meta`."""
    damage = find_damage(connection)
    if damage:
        raise sqlite3.DatabaseError(damage)
    connection.create_function("of_stream", 5, checksums.of_stream)
    connection.create_function("of_event", 5, checksums.of_event)
    connection.create_function("of_id", 4, checksums.of_id)
    tables = {
        "streams": ("id, model, name, first_offset, next_offset", "of_stream"),
        "events": ("place, event_id, time_ns, received_ns, body", "of_event"),
        "event_ids": ("place, key, received_ns, fingerprint", "of_id"),
    }
    for table in tables:
        connection.execute(f"ALTER TABLE {table} RENAME TO {table}_1")
    run_script(connection, _SCHEMA_2)
    for table, (columns, checksum) in tables.items():
        connection.execute(
            f"INSERT INTO {table} SELECT {columns}, {checksum}({columns}) FROM {table}_1"  # noqa: S608
        )
        connection.execute(f"DROP TABLE {table}_1")


def _add_history(connection: sqlite3.Connection) -> None:
    """Format 2 let go of old events and kept none in files."""
    run_script(connection, _HISTORY)


FORMAT = Format(
    application_id=0x5252454C,
    version=3,
    schema=SCHEMA,
    upgrades={1: _add_checksums, 2: _add_history},
)
