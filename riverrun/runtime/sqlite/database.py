"""One SQLite file in use: one connection, one thread, one work at a time."""

from __future__ import annotations

import asyncio
import contextlib
import math
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from riverrun.runtime.sqlite.database_file import open_file
from riverrun.runtime.sqlite.error_codes import disk_failed
from riverrun.runtime.sqlite.store_format import Format

T = TypeVar("T")

Work = Callable[[sqlite3.Connection], T]

AT_ONCE_S = 0.001
"""A commit is made in the event loop itself while commits take less: a thread would take longer to wake."""

COPY_PAGES, COPY_PAUSE_S = 64, 0.001
"""Pages that a copy takes in one go, and how long it lets others work after that."""


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
            self._connection, self.found = self._thread.submit(open_file, path, form).result()
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
            if disk_failed(error):
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
