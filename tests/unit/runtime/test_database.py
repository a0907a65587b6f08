"""The SQLite wrapper: settings that survive power cuts, transactions, formats. Crashes are in tests/fault."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from riverrun.runtime.database import (
    Database,
    Format,
    WrongFormat,
    find_damage,
    inspecting,
    run_script,
    transaction,
)

SCHEMA = "CREATE TABLE thing (name TEXT PRIMARY KEY)"
FORM = Format(application_id=0x7465, version=2, schema=SCHEMA)


def names(connection: sqlite3.Connection) -> list[str]:
    return [row["name"] for row in connection.execute("SELECT name FROM thing ORDER BY name")]


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


async def test_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", FORM)

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
    database = Database(tmp_path / "a.db", FORM)

    def insert(connection: sqlite3.Connection) -> None:
        with transaction(connection):
            connection.execute("INSERT INTO thing VALUES ('a')")

    await database.run(insert)
    database.close()
    again = Database(tmp_path / "a.db", FORM)
    found = await again.run(names)
    again.close()

    assert found == ["a"]


def add_a_column(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE thing RENAME TO thing_2")
    run_script(connection, WIDER)
    connection.execute("INSERT INTO thing SELECT name, upper(name) FROM thing_2")
    connection.execute("DROP TABLE thing_2")


WIDER = "CREATE TABLE thing (name TEXT PRIMARY KEY, loud TEXT)"
NEWER = Format(application_id=0x7465, version=3, schema=WIDER, upgrades={2: add_a_column})


def a_file(path: Path) -> Path:
    database = Database(path, FORM)
    database.run_now(lambda connection: connection.execute("INSERT INTO thing VALUES ('a')"))
    database.close()
    return path


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


def insert_pairs(connection: sqlite3.Connection, *numbers: int) -> None:
    with transaction(connection):
        for number in numbers:
            connection.execute("INSERT INTO thing VALUES (?)", (f"{number} left {'x' * 500}",))
            connection.execute("INSERT INTO thing VALUES (?)", (f"{number} right {'x' * 500}",))


def test_a_copy_is_of_one_moment_and_works_go_on_while_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("riverrun.runtime.database.COPY_PAGES", 8)
    database = Database(tmp_path / "a.db", FORM)
    database.run_now(lambda c: insert_pairs(c, *range(400)))
    copying = threading.Thread(target=database.copy_to, args=(tmp_path / "copy.db",))

    copying.start()
    number = 400
    while copying.is_alive():
        database.run_now(lambda c, number=number: insert_pairs(c, number))
        number += 1
    copying.join()
    database.close()

    with inspecting(tmp_path / "copy.db", FORM) as (connection, _):
        assert find_damage(connection) == ""
        numbers = [int(name.split()[0]) for name in names(connection)]
    assert number > 401
    assert len(numbers) == 2 * len(set(numbers))
    assert set(numbers) == set(range(max(numbers) + 1))
    assert max(numbers) >= 399


def test_closing_ends_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("riverrun.runtime.database.COPY_PAGES", 1)
    database = Database(tmp_path / "a.db", FORM)
    database.run_now(lambda c: insert_pairs(c, *range(300)))
    ended: list[Exception] = []

    def copy() -> None:
        try:
            database.copy_to(tmp_path / "copy.db")
        except RuntimeError as error:
            ended.append(error)

    copying = threading.Thread(target=copy)
    copying.start()
    while not (tmp_path / "copy.db").exists():
        pass
    database.close()
    copying.join()

    assert "being closed" in str(ended)
    with pytest.raises(RuntimeError):
        database.copy_to(tmp_path / "late.db")


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


def test_closing_twice_is_allowed(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", FORM)

    database.close()
    database.close()


async def test_an_io_error_is_final_for_what_was_waiting_too(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", FORM)
    reached: list[str] = []

    def failing(connection: sqlite3.Connection) -> None:
        raise OSError(errno.EIO, "injected")

    def following(connection: sqlite3.Connection) -> None:
        reached.append("it")

    outcomes = await asyncio.gather(database.run(failing), database.run(following), return_exceptions=True)
    with pytest.raises(OSError, match="injected"):
        database.run_now(following)
    database.close()

    assert [type(outcome) for outcome in outcomes] == [OSError, OSError]
    assert reached == []


async def test_a_full_disk_is_not_final(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", FORM)

    def full(connection: sqlite3.Connection) -> None:
        raise OSError(errno.ENOSPC, "injected")

    with pytest.raises(OSError, match="injected"):
        await database.run(full)

    assert await database.run(names) == []
    database.close()


def thread_of(_: sqlite3.Connection) -> int:
    return threading.get_ident()


@pytest.mark.parametrize(("at_once_s", "is_quick"), [(60.0, True), (0.0, False)])
async def test_the_loop_commits_by_itself_where_commits_are_quick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once_s: float, is_quick: bool
) -> None:
    monkeypatch.setattr("riverrun.runtime.database.AT_ONCE_S", at_once_s)
    database = Database(tmp_path / "a.db", FORM)

    first, second = await database.commit(thread_of), await database.commit(thread_of)
    other = await database.run(thread_of)
    database.close()

    assert first == other != threading.get_ident()
    assert second == (threading.get_ident() if is_quick else other)


async def test_a_commit_waits_its_turn_while_the_thread_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("riverrun.runtime.database.AT_ONCE_S", 60.0)
    database = Database(tmp_path / "a.db", FORM)
    await database.commit(thread_of)
    begun, released = threading.Event(), threading.Event()

    def hold(_: sqlite3.Connection) -> None:
        begun.set()
        released.wait(60)

    holding = asyncio.create_task(database.run(hold))
    await asyncio.to_thread(begun.wait, 60)
    committing = asyncio.create_task(database.commit(thread_of))
    await asyncio.sleep(0)
    released.set()
    committed_by = await committing
    await holding
    database.close()

    assert committed_by != threading.get_ident()
