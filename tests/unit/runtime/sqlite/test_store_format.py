"""Store formats: which files are taken, and how older ones are brought up."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from riverrun.runtime.sqlite.database import Database
from riverrun.runtime.sqlite.database_file import inspecting
from riverrun.runtime.sqlite.store_format import WrongFormat
from tests.unit.runtime.sqlite.things import FORM, NEWER, WIDER, a_file, names


def test_a_file_says_what_it_is(tmp_path: Path) -> None:
    path = a_file(tmp_path / "a.db")

    with contextlib.closing(sqlite3.connect(path)) as connection:
        pragmas = ("application_id", "user_version")
        ids = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas]

    assert ids == [0x7465, 2]


def test_a_newer_format_is_refused_naming_both_numbers(tmp_path: Path) -> None:
    Database(tmp_path / "a.db", NEWER).close()

    with pytest.raises(WrongFormat, match="format 3, which is newer than format 2"):
        Database(tmp_path / "a.db", FORM)


def test_an_older_format_is_brought_up_once(tmp_path: Path) -> None:
    path = a_file(tmp_path / "a.db")

    for found in (2, 3):
        database = Database(path, NEWER)
        rows = database.run_now(lambda c: [tuple(row) for row in c.execute("SELECT * FROM thing")])
        database.close()
        assert (database.found.version, rows) == (found, [("a", "A")])


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = a_file(tmp_path / "a.db")

    def half(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TABLE thing")
        raise KeyError("half way")

    with pytest.raises(KeyError):
        Database(path, replace(NEWER, upgrades={2: half}))

    with inspecting(path, FORM) as (connection, found):
        assert (found.version, names(connection)) == (2, ["a"])


def test_a_format_that_is_too_old_and_a_file_of_something_else_are_refused(tmp_path: Path) -> None:
    path = a_file(tmp_path / "a.db")

    with pytest.raises(WrongFormat, match="format 2; this program reads format 3 on"):
        Database(path, replace(NEWER, upgrades={}))
    with pytest.raises(WrongFormat, match="another program: its application id is 0x7465"):
        Database(path, replace(FORM, application_id=1))
    with pytest.raises(WrongFormat, match="other tables"):
        Database(path, replace(FORM, schema=WIDER))
