"""A small database of things, for tests."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from riverrun.runtime.sqlite.database import Database
from riverrun.runtime.sqlite.store_format import Format
from riverrun.runtime.sqlite.transactions import run_script

SCHEMA = "CREATE TABLE thing (name TEXT PRIMARY KEY)"
FORM = Format(application_id=0x7465, version=2, schema=SCHEMA)

WIDER = "CREATE TABLE thing (name TEXT PRIMARY KEY, loud TEXT)"


def add_a_column(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE thing RENAME TO thing_2")
    run_script(connection, WIDER)
    connection.execute("INSERT INTO thing SELECT name, upper(name) FROM thing_2")
    connection.execute("DROP TABLE thing_2")


NEWER = Format(application_id=0x7465, version=3, schema=WIDER, upgrades={2: add_a_column})


def names(connection: sqlite3.Connection) -> list[str]:
    return [row["name"] for row in connection.execute("SELECT name FROM thing ORDER BY name")]


def a_file(path: Path) -> Path:
    database = Database(path, FORM)
    database.run_now(lambda connection: connection.execute("INSERT INTO thing VALUES ('a')"))
    database.close()
    return path
