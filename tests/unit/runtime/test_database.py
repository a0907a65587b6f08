"""The SQLite wrapper: settings that survive power cuts, transactions, formats. Crashes are in tests/fault."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from riverrun.runtime.database import Database, transaction

SCHEMA = "CREATE TABLE thing (name TEXT PRIMARY KEY)"


def names(connection: sqlite3.Connection) -> list[str]:
    return [row["name"] for row in connection.execute("SELECT name FROM thing ORDER BY name")]


async def test_commits_are_set_to_survive_a_power_cut(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", SCHEMA, version=1)

    journal, synchronous = await database.run(
        lambda c: (
            c.execute("PRAGMA journal_mode").fetchone()[0],
            c.execute("PRAGMA synchronous").fetchone()[0],
        )
    )
    database.close()

    assert journal == "persist"
    assert synchronous == 3


async def test_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", SCHEMA, version=1)

    def insert_and_fail(connection: sqlite3.Connection) -> None:
        with transaction(connection):
            connection.execute("INSERT INTO thing VALUES ('a')")
            raise KeyError("stop")

    with pytest.raises(KeyError):
        await database.run(insert_and_fail)
    found = await database.run(names)
    database.close()

    assert found == []


async def test_reopening_finds_what_was_committed(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", SCHEMA, version=1)

    def insert(connection: sqlite3.Connection) -> None:
        with transaction(connection):
            connection.execute("INSERT INTO thing VALUES ('a')")

    await database.run(insert)
    database.close()
    again = Database(tmp_path / "a.db", SCHEMA, version=1)
    found = await again.run(names)
    again.close()

    assert found == ["a"]


def test_another_store_format_is_refused_by_number(tmp_path: Path) -> None:
    Database(tmp_path / "a.db", SCHEMA, version=1).close()

    with pytest.raises(ValueError, match="store format 1; this program reads format 2"):
        Database(tmp_path / "a.db", SCHEMA, version=2)


def test_closing_twice_is_allowed(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", SCHEMA, version=1)

    database.close()
    database.close()
