"""The disk under a log: a full one is told, and the first failure of any other kind is final."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from typing import TypeVar

from riverrun.core.errors import DigestMismatch, Exhausted, Unavailable
from riverrun.runtime.sqlite.database import Database
from riverrun.runtime.sqlite.error_codes import disk_is_full

T = TypeVar("T")


class LogDisk:
    """Whatever a log has its disk do, its database or its files, goes through here.

    After an I/O error or damage, and once the log stops, `check_running` refuses by `Unavailable`.
    """

    def __init__(self, database: Database, on_failure: Callable[[], None]) -> None:
        """`on_failure` is called when the disk failed: whoever waits for events has to hear of it."""
        self._database = database
        self._on_failure = on_failure
        self._stopped = ""
        self._failure: BaseException | None = None
        self._failed = asyncio.Event()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `work`, run in the database's thread. Raises as `guarded` does."""
        return await self.guarded(self._database.run(work))

    async def guarded(self, work: Awaitable[T]) -> T:
        """The result of `work`. Raises `Exhausted` where the disk is full; after any other error of the disk
        `Unavailable`, or what is damaged as `DigestMismatch`."""
        try:
            return await work
        except (sqlite3.Error, OSError, DigestMismatch) as error:
            if disk_is_full(error):
                raise Exhausted("the event log", "what its disk holds") from error
            # What the file holds now is unknown, and a second fsync would not tell (fsync reports an
            # error once): only a restart reads it afresh.
            self._fail(error)
            if isinstance(error, DigestMismatch):
                raise
            raise Unavailable("the event log", self._stopped) from error

    def check_running(self) -> None:
        """Raise `Unavailable`, saying why, once the log stops or its disk failed."""
        if self._stopped:
            raise Unavailable("the event log", self._stopped)

    def stop(self) -> None:
        """Have `check_running` refuse from now on; works go on."""
        self._stopped = self._stopped or "it is stopping"

    async def failed(self) -> None:
        """Wait until the disk fails, and raise what it failed with; a root task of the process."""
        await self._failed.wait()
        assert self._failure is not None
        raise self._failure

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self._stopped = "its disk failed"
        self._failed.set()
        self._on_failure()
