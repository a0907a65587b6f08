"""Works on a database: transactions, turns, copies, errors that are final. Crashes are in tests/fault."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
import threading
import time
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from riverrun.runtime.sqlite.database import Database
from riverrun.runtime.sqlite.database_file import find_damage, inspecting
from riverrun.runtime.sqlite.transactions import transaction
from tests.unit.runtime.sqlite.things import FORM, names


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


def insert_pairs(connection: sqlite3.Connection, *numbers: int) -> None:
    with transaction(connection):
        for number in numbers:
            connection.execute("INSERT INTO thing VALUES (?)", (f"{number} left {'x' * 500}",))
            connection.execute("INSERT INTO thing VALUES (?)", (f"{number} right {'x' * 500}",))


def pausing_until(monkeypatch: pytest.MonkeyPatch, holds: Callable[[], bool]) -> None:
    """Have a copy pause between two steps until `holds`."""

    def sleep(_seconds: float) -> None:
        until_s = time.monotonic() + 60
        while not holds() and time.monotonic() < until_s:
            pass

    paused = types.SimpleNamespace(sleep=sleep, perf_counter=time.perf_counter)
    monkeypatch.setattr("riverrun.runtime.sqlite.database.time", paused)


def test_a_copy_is_of_one_moment_and_works_go_on_while_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("riverrun.runtime.sqlite.database.COPY_PAGES", 8)
    database = Database(tmp_path / "a.db", FORM)
    database.run_now(lambda c: insert_pairs(c, *range(400)))
    works_done = threading.Semaphore(0)
    # A pause of the copy is as long as one work takes, on whatever machine.
    pausing_until(monkeypatch, lambda: works_done.acquire(timeout=60))
    copying = threading.Thread(target=database.copy_to, args=(tmp_path / "copy.db",))

    copying.start()
    number = 400
    while copying.is_alive():
        database.run_now(lambda c, number=number: insert_pairs(c, number))
        works_done.release()
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
    monkeypatch.setattr("riverrun.runtime.sqlite.database.COPY_PAGES", 1)
    database = Database(tmp_path / "a.db", FORM)
    database.run_now(lambda c: insert_pairs(c, *range(300)))
    ended: list[Exception] = []
    begun = threading.Event()

    def is_closing() -> bool:
        begun.set()
        return database._closing

    pausing_until(monkeypatch, is_closing)

    def copy() -> None:
        try:
            database.copy_to(tmp_path / "copy.db")
        except RuntimeError as error:
            ended.append(error)

    copying = threading.Thread(target=copy)
    copying.start()
    assert begun.wait(60)
    database.close()
    copying.join()

    assert "being closed" in str(ended)
    with pytest.raises(RuntimeError):
        database.copy_to(tmp_path / "late.db")


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
    monkeypatch.setattr("riverrun.runtime.sqlite.database.AT_ONCE_S", at_once_s)
    database = Database(tmp_path / "a.db", FORM)

    first, second = await database.commit(thread_of), await database.commit(thread_of)
    other = await database.run(thread_of)
    database.close()

    assert first == other != threading.get_ident()
    assert second == (threading.get_ident() if is_quick else other)


async def test_a_commit_waits_its_turn_while_the_thread_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("riverrun.runtime.sqlite.database.AT_ONCE_S", 60.0)
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
