"""The tables of the parameter server's SQLite file.

A model's lines, channels and counters are one sealed row of `models`, so that a push changes them and
its new row of `versions` in one transaction, and a damaged row is found by its seal. Specs are kept by
their sha256. Each row of `versions` carries a checksum chained to the row before (see `version_rows`).
"""

from __future__ import annotations

import sqlite3

from riverrun.runtime.sqlite.store_format import Format

DATABASE = "params.sqlite"
LOG_DATABASE = "events.sqlite"
"""The event log's file, which has a schema of its own."""

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL, seal BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE specs (sha BLOB PRIMARY KEY, yaml TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE models (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    body BLOB NOT NULL,
    seal BLOB NOT NULL
);
CREATE TABLE versions (
    id INTEGER PRIMARY KEY,
    model INTEGER NOT NULL REFERENCES models (id),
    version INTEGER NOT NULL,
    line INTEGER NOT NULL,
    created_ns INTEGER NOT NULL,
    good INTEGER NOT NULL,
    manifest BLOB NOT NULL,
    base INTEGER NOT NULL,
    delta_sha BLOB,
    delta_serving INTEGER NOT NULL,
    delta_trainer INTEGER NOT NULL,
    delta BLOB,
    snapshot_sha BLOB,
    snapshot_serving INTEGER NOT NULL,
    snapshot_trainer INTEGER NOT NULL,
    snapshot BLOB,
    checksum BLOB NOT NULL,
    UNIQUE (model, version)
);
CREATE INDEX good_versions ON versions (model, version) WHERE good = 1;
"""

JOURNAL = """
CREATE TABLE journal (
    model INTEGER NOT NULL REFERENCES models (id),
    number INTEGER NOT NULL,
    body BLOB NOT NULL,
    seal BLOB NOT NULL,
    PRIMARY KEY (model, number)
) WITHOUT ROWID"""
"""What moved of each model and why (see `journal`)."""


def _from_first(_connection: sqlite3.Connection) -> None:
    """Format 1 had the same tables, without an application id, and knew nothing of the log beside it."""


def _add_journal(connection: sqlite3.Connection) -> None:
    connection.execute(JOURNAL)


FORMAT = Format(
    application_id=0x52525053,
    version=3,
    schema=SCHEMA + JOURNAL,
    upgrades={1: _from_first, 2: _add_journal},
)
