"""Opening a file: what it is set to, who has it, and what it was found as."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from riverrun.runtime.sqlite.database import Database
from riverrun.runtime.sqlite.database_file import find_damage, inspecting
from tests.unit.runtime.sqlite.things import FORM, NEWER, a_file, names


async def test_commits_are_set_to_survive_a_power_cut(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", FORM)

    journal, synchronous = await database.run(
        lambda c: (
            c.execute("PRAGMA journal_mode").fetchone()[0],
            c.execute("PRAGMA synchronous").fetchone()[0],
        )
    )
    database.close()

    assert journal == "persist"
    assert synchronous == 3


def test_a_transaction_that_was_cut_short_is_rolled_back_and_told(tmp_path: Path) -> None:
    path = a_file(tmp_path / "a.db")
    database = Database(path, FORM)
    journal = tmp_path / "a.db-journal"

    def cut(connection: sqlite3.Connection) -> tuple[bytes, bytes]:
        connection.execute("PRAGMA cache_size=1")
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO thing VALUES (?)", [(str(n) * 100,) for n in range(500)])
        torn = path.read_bytes(), journal.read_bytes()
        connection.execute("ROLLBACK")
        return torn

    torn = database.run_now(cut)
    database.close()
    path.write_bytes(torn[0])
    journal.write_bytes(torn[1])

    again = Database(path, FORM)
    assert (again.found.cut_short, again.run_now(names)) == (True, ["a"])
    again.close()


def test_a_file_has_one_user_even_when_nothing_was_written(tmp_path: Path) -> None:
    path = a_file(tmp_path / "a.db")
    database = Database(path, FORM)

    with pytest.raises(sqlite3.OperationalError, match="locked"):
        Database(path, FORM)
    with pytest.raises(sqlite3.OperationalError, match="locked"), inspecting(path, FORM):
        pass

    database.close()


def test_inspecting_makes_nothing_and_changes_nothing(tmp_path: Path) -> None:
    path = a_file(tmp_path / "a.db")
    before = path.read_bytes()

    with inspecting(path, NEWER) as (_, found):
        assert found.version == 2
    with pytest.raises(FileNotFoundError), inspecting(tmp_path / "none.db", FORM):
        pass

    assert path.read_bytes() == before
    assert not (tmp_path / "none.db").exists()


def test_damage_is_told_with_its_place(tmp_path: Path) -> None:
    path = a_file(tmp_path / "a.db")
    with inspecting(path, FORM) as (connection, _):
        assert find_damage(connection) == ""
    content = bytearray(path.read_bytes())
    page = 2 * 4096
    content[page + 3 : page + 5] = b"\xff\xff"
    path.write_bytes(content)

    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert f"offset {page}" in find_damage(connection)
