"""SQLite as a store that keeps its word: what was committed survives a crash and a power cut.

One connection, one thread. `journal_mode=PERSIST` with `synchronous=EXTRA` keeps the rollback journal's
file and syncs its folder, so an acknowledged commit cannot be undone by a power cut; `DELETE` with `FULL`
unlinks the journal without syncing the folder, and WAL of SQLite 3.40 can be reset under two connections
(DECISIONS 14).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from riverrun.runtime.folders import sync_folder

T = TypeVar("T")

Work = Callable[[sqlite3.Connection], T]

LOCK_S = 0.2
"""How long a file that somebody else uses is waited for."""


AT_ONCE_S = 0.001
"""A commit is made in the event loop itself while commits take less: a thread would take longer to wake."""

COPY_PAGES, COPY_PAUSE_S = 64, 0.001
"""Pages that a copy takes in one go, and how long it lets others work after that."""

_NOT_DAMAGE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
}
"""Why a sound database cannot be opened now."""


@dataclass(frozen=True, slots=True)
class Format:
    """What a file is: of which program (`application_id`), in which form (`version`), with which tables.

    `upgrades[n]` turns the tables of version n into those of n + 1, within a transaction of the caller's.
    Files of version 1 have no application id. Another schema is another version.
    """

    application_id: int
    version: int
    schema: str
    upgrades: Mapping[int, Callable[[sqlite3.Connection], None]] = field(default_factory=dict)

    @property
    def oldest(self) -> int:
        """The oldest version that can be read."""
        version = self.version
        while version - 1 in self.upgrades:
            version -= 1
        return version


class WrongFormat(ValueError):
    """A file that this program cannot read: newer than it, or of something else."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a file was when it was opened. `version` 0: it was made; `cut_short`: a transaction that had
    not ended was rolled back."""

    version: int
    cut_short: bool


class Database:
    """One SQLite file with one connection, used by one work at a time, mostly in a thread of its own.

    An I/O error of the disk is final: whatever was asked for after it fails by the same error, also what
    was waiting. A second fsync would not tell what the first one lost.
    """

    def __init__(self, path: Path, form: Format) -> None:
        """Open or create `path`; an older form is brought up to `form` first, in one transaction.

        Raises `WrongFormat`, and sqlite3.DatabaseError when the file is damaged or in use.
        """
        self._failure: Exception | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=path.stem)
        self._copying = threading.Lock()
        # Held while a work goes on.
        self._using = threading.Lock()
        # What commits take, long ones remembered for a while; the first goes to the thread.
        self._commit_s = math.inf
        self._closing = False
        try:
            self._connection, self.found = self._thread.submit(_open, path, form).result()
        except BaseException:
            self._thread.shutdown()
            raise

    async def run(self, work: Work[T]) -> T:
        """The result of `work`, run in the database's thread; works run one at a time, in order."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._in_turn, self._do, work)

    async def commit(self, work: Work[T]) -> T:
        """`run` for a small transaction: at once, blocking the loop, where the disk lately took no longer
        than waking a thread does. It may go ahead of works that wait for the thread.
        """
        if self._commit_s < AT_ONCE_S and not self._copying.locked() and self._using.acquire(blocking=False):
            try:
                return self._timed(work)
            finally:
                self._using.release()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._in_turn, self._timed, work)

    def run_now(self, work: Work[T]) -> T:
        """`run` for callers outside an event loop; blocks."""
        return self._thread.submit(self._in_turn, self._do, work).result()

    def copy_to(self, path: Path) -> None:
        """Write to `path` what is committed at the moment when this returns; blocks, in any thread.

        Works go on meanwhile, each held up by `COPY_PAGES` pages at most. The copy is not synced. Raises
        OSError and sqlite3.Error where it cannot be written, RuntimeError when the database is closed.
        """

        def go_on(status: int, remaining: int, total: int) -> None:
            if self._closing:
                raise RuntimeError("the database is being closed")
            # SQLite's lock is not fair: without a pause a commit might wait for many steps.
            time.sleep(COPY_PAUSE_S)

        with self._copying, contextlib.closing(sqlite3.connect(path, isolation_level=None)) as target:
            go_on(0, 0, 0)
            target.execute("PRAGMA journal_mode=OFF")
            target.execute("PRAGMA synchronous=OFF")
            # What is committed between two steps goes into the copy as well: it is the same connection.
            self._connection.backup(target, pages=COPY_PAGES, progress=go_on, sleep=0.001)

    def _in_turn(self, do: Callable[[Work[T]], T], work: Work[T]) -> T:
        with self._using:
            return do(work)

    def _timed(self, work: Work[T]) -> T:
        begun_s = time.perf_counter()
        try:
            return self._do(work)
        finally:
            # Sixty commits or so after one that took long, the loop tries again.
            took_s = time.perf_counter() - begun_s
            self._commit_s = took_s if math.isinf(self._commit_s) else max(took_s, 0.95 * self._commit_s)

    def _do(self, work: Work[T]) -> T:
        if self._failure is not None:
            raise self._failure
        try:
            return work(self._connection)
        except (sqlite3.Error, OSError) as error:
            if _disk_failed(error):
                self._failure = error
            raise

    def _close(self) -> None:
        with self._using:
            self._connection.close()

    def close(self) -> None:
        """Finish what was asked for and close the file; repeating it changes nothing."""
        self._closing = True
        with self._copying, contextlib.suppress(RuntimeError):
            self._thread.submit(self._close).result()
        self._thread.shutdown()


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All or nothing: committed and on disk when the block ends, rolled back when it raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        # SQLite rolls back by itself after some errors, a full disk among them.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def inspecting(path: Path, form: Format) -> Iterator[tuple[sqlite3.Connection, Found]]:
    """A connection to look at a file that nobody else uses; it is neither made nor brought up to `form`.

    A transaction that had not ended is rolled back, as by any start. Raises as `Database` does, and
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
        version = _version(connection, path, form)
        if version == 0:
            raise WrongFormat(f"{path} is empty")
        if version == form.version:
            _check_tables(connection, path, form)
        yield connection, Found(version, cut_short)
    finally:
        connection.close()


def run_script(connection: sqlite3.Connection, script: str) -> None:
    """The statements of `script` within the transaction that is open, which `executescript` would end."""
    for statement in script.split(";"):
        connection.execute(statement)


def find_damage(connection: sqlite3.Connection) -> str:
    """What SQLite's own check of the whole file finds first, with where it is; empty for a sound file."""
    found = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
    if found == "ok":
        return ""
    page = re.search(r"page (\d+)", found, re.IGNORECASE)
    size = int(connection.execute("PRAGMA page_size").fetchone()[0])
    where = f" (page at offset {(int(page[1]) - 1) * size})" if page else ""
    return " ".join(found.replace("*** in database main ***", "").split()) + where


def is_damage(error: Exception) -> bool:
    """Whether `error`, met on opening or looking at a file, says that what is in the file is not right.

    TypeError, ValueError and LookupError come from rows whose columns are of other types or names.
    """
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF not in _NOT_DAMAGE
    return isinstance(error, (TypeError, ValueError, LookupError)) and not isinstance(error, WrongFormat)


def _disk_failed(error: sqlite3.Error | OSError) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.EIO, errno.EROFS)
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR


def disk_is_full(error: Exception) -> bool:
    """Whether `error`, of SQLite or of a file, says no more than that the disk has no room."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _open(path: Path, form: Format) -> tuple[sqlite3.Connection, Found]:
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
        found = _version(connection, path, form)
        if found != form.version:
            with transaction(connection):
                if found == 0:
                    run_script(connection, form.schema)
                for version in range(found or form.version, form.version):
                    form.upgrades[version](connection)
                connection.execute(f"PRAGMA application_id={form.application_id}")
                connection.execute(f"PRAGMA user_version={form.version}")
        _check_tables(connection, path, form)
        if found == 0:
            # SQLite makes the name of its journal durable, and no other.
            sync_folder(path.parent)
    except BaseException:
        connection.close()
        raise
    return connection, Found(found, cut_short)


def _own(connection: sqlite3.Connection) -> None:
    """Lock the file for as long as the connection is open; a reader's lock would let a second one in."""
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection, path: Path, form: Format) -> int:
    """The version of the file's form, 0 for an empty one."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application_id = int(connection.execute("PRAGMA application_id").fetchone()[0])
    if version == 0 and application_id == 0 and not _tables(connection):
        return 0
    if application_id != (0 if version == 1 else form.application_id):
        raise WrongFormat(f"{path} is of another program: its application id is {application_id:#x}")
    if version > form.version:
        raise WrongFormat(
            f"{path} has store format {version}, which is newer than format {form.version}, "
            "the newest that this program reads"
        )
    if version < form.oldest:
        raise WrongFormat(f"{path} has store format {version}; this program reads format {form.oldest} on")
    return version


def _check_tables(connection: sqlite3.Connection, path: Path, form: Format) -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as fresh:
        fresh.executescript(form.schema)
        if [tuple(row) for row in _tables(connection)] != _tables(fresh):
            raise WrongFormat(f"{path} has other tables than those of store format {form.version}")


def _tables(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    return connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name").fetchall()


def _was_cut_short(path: Path) -> bool:
    """Whether the journal holds a transaction that had not ended: the header of an ended one is zeroed."""
    journal = path.with_name(f"{path.name}-journal")
    try:
        with journal.open("rb") as file:
            return file.read(1) not in (b"", b"\x00")
    except FileNotFoundError:
        return False
