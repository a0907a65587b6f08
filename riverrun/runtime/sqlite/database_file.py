"""Opening a SQLite file: to use it as its only user, or to look at it as it is.

`journal_mode=PERSIST` with `synchronous=EXTRA` keeps the rollback journal's file and syncs its folder, so an
acknowledged commit cannot be undone by a power cut; `DELETE` with `FULL` unlinks the journal without syncing
the folder, and WAL of SQLite 3.40 can be reset under two connections (DECISIONS 14).
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from riverrun.runtime.folders import sync_folder
from riverrun.runtime.sqlite.store_format import Format, WrongFormat, bring_up, check_tables, version_of

LOCK_S = 0.2
"""How long a file that somebody else uses is waited for."""

PAGES_PER_STEP = 512
"""Pages that one call of `give_back` gives back to the disk."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a file was when it was opened. `version` 0: it was made; `cut_short`: a transaction that had
    not ended was rolled back."""

    version: int
    cut_short: bool


def open_file(path: Path, form: Format) -> tuple[sqlite3.Connection, Found]:
    """The only connection to `path`, for any thread; the file is made, or brought up to `form`, first.

    Raises `WrongFormat`, and sqlite3.DatabaseError when the file is damaged or in use.
    """
    cut_short = _was_cut_short(path)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=LOCK_S)
    try:
        connection.row_factory = sqlite3.Row
        # Only for a file without tables; it lets `incremental_vacuum` give room back to the disk.
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        _own(connection)
        connection.execute("PRAGMA journal_mode=PERSIST")
        connection.execute("PRAGMA synchronous=EXTRA")
        connection.execute("PRAGMA foreign_keys=ON")
        version = version_of(connection, path, form)
        bring_up(connection, version, form)
        check_tables(connection, path, form)
        if version == 0:
            # SQLite makes the name of its journal durable, and no other.
            sync_folder(path.parent)
    except BaseException:
        connection.close()
        raise
    return connection, Found(version, cut_short)


@contextlib.contextmanager
def inspecting(path: Path, form: Format) -> Iterator[tuple[sqlite3.Connection, Found]]:
    """A connection to look at a file that nobody else uses; it is neither made nor brought up to `form`.

    A transaction that had not ended is rolled back, as by any start. Raises as `open_file` does, and
    FileNotFoundError.
    """
    if not path.stat().st_size:
        # Locking an empty file would write its first page.
        raise WrongFormat(f"{path} is empty")
    cut_short = _was_cut_short(path)
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=LOCK_S)
    try:
        connection.row_factory = sqlite3.Row
        _own(connection)
        version = version_of(connection, path, form)
        if version == 0:
            raise WrongFormat(f"{path} is empty")
        if version == form.version:
            check_tables(connection, path, form)
        yield connection, Found(version, cut_short)
    finally:
        connection.close()


def find_damage(connection: sqlite3.Connection) -> str:
    """What SQLite's own check of the whole file finds first, with where it is; empty for a sound file."""
    found = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
    if found == "ok":
        return ""
    page = re.search(r"page (\d+)", found, re.IGNORECASE)
    size = int(connection.execute("PRAGMA page_size").fetchone()[0])
    where = f" (page at offset {(int(page[1]) - 1) * size})" if page else ""
    return " ".join(found.replace("*** in database main ***", "").split()) + where


def give_back(connection: sqlite3.Connection) -> None:
    """Give some free pages back to the disk; a file that was made without `auto_vacuum` keeps its own."""
    connection.execute(f"PRAGMA incremental_vacuum({PAGES_PER_STEP})").fetchall()


def _own(connection: sqlite3.Connection) -> None:
    """Lock the file for as long as the connection is open; a reader's lock would let a second one in."""
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    connection.execute("COMMIT")


def _was_cut_short(path: Path) -> bool:
    """Whether the journal holds a transaction that had not ended: the header of an ended one is zeroed."""
    journal = path.with_name(f"{path.name}-journal")
    try:
        with journal.open("rb") as file:
            return file.read(1) not in (b"", b"\x00")
    except FileNotFoundError:
        return False
