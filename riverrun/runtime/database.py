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
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class Database:
    """One SQLite file with one connection, used from one thread of its own."""

    def __init__(self, path: Path, schema: str, *, version: int) -> None:
        """Open or create `path` with `schema`, of the store format `version`.

        Raises ValueError when the file has another format version, sqlite3.DatabaseError when it is
        damaged.
        """
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=path.stem)
        try:
            self._connection = self._thread.submit(_open, path, schema, version).result()
        except BaseException:
            self._thread.shutdown()
            raise

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `work`, run in the database's thread; works run one at a time, in order."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, work, self._connection)

    def run_now(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """`run` for callers outside an event loop; blocks."""
        return self._thread.submit(work, self._connection).result()

    def close(self) -> None:
        """Finish what was asked for and close the file; repeating it changes nothing."""
        with contextlib.suppress(RuntimeError):
            self._thread.submit(self._connection.close).result()
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


def disk_is_full(error: Exception) -> bool:
    """Whether `error`, of SQLite or of a file, says no more than that the disk has no room."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _open(path: Path, schema: str, version: int) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=PERSIST")
        connection.execute("PRAGMA synchronous=EXTRA")
        connection.execute("PRAGMA foreign_keys=ON")
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found == 0:
            connection.executescript(f"BEGIN; {schema}; PRAGMA user_version={version}; COMMIT;")
        elif found != version:
            raise ValueError(f"{path} has store format {found}; this program reads format {version}")
    except BaseException:
        connection.close()
        raise
    return connection
