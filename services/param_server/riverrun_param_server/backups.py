"""A copy of everything that is kept, made while the server goes on.

The databases are set aside first, page by page between commits: the versions as of one moment, the events
as of a later one, so that no version of the copy contains an event that the copy lacks. Large bodies and
history files are never changed under their names, so they are read where they are. Nothing is dropped until
all is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import structlog

from riverrun.core.errors import DigestMismatch
from riverrun.events.embedded import history_rows, stream_rows
from riverrun.events.embedded.history import FOLDER, History
from riverrun.events.embedded.log import EmbeddedEventLog
from riverrun.rpc.chunks import CHUNK_BYTES
from riverrun_param_server.schema import DATABASE, LOG_DATABASE
from riverrun_param_server.store import Store

log = structlog.get_logger()

SET_ASIDE = "backup.tmp"
"""Folder of the databases' copies while a backup is made; what a crash leaves of it goes at the start."""


@dataclass(frozen=True, slots=True)
class FileBegins:
    """A file begins: where it belongs in the data folder, and its size."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class FileEnds:
    """A file ended; the sha256 of its bytes."""

    sha: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """All files were given."""

    files: int
    size: int


Part = FileBegins | bytes | FileEnds | Done


class Backups:
    """Makes copies, one at a time."""

    def __init__(self, store: Store, event_log: EmbeddedEventLog) -> None:
        self._store = store
        self._event_log = event_log
        self._turn = asyncio.Lock()

    async def parts(self) -> AsyncGenerator[Part, None]:
        """Every file, then `Done`. Whoever stops early must close the iterator.

        Raises `Exhausted`, `Unavailable`, and `DigestMismatch` for a damaged file.
        """
        aside = self._store.folder / SET_ASIDE
        async with self._turn:
            try:
                with self._store.blobs.holding(), self._event_log.history.holding():
                    await asyncio.to_thread(_make_empty, aside)
                    async with self._event_log.retention.holding():
                        await self._store.copy_to(aside / DATABASE)
                        await self._event_log.copy_to(aside / LOG_DATABASE)
                    files = await asyncio.to_thread(self._files, aside)
                    size = 0
                    for name, path, expected in files:
                        async with contextlib.aclosing(_file(name, path, expected)) as file:
                            async for part in file:
                                size += len(part) if isinstance(part, bytes) else 0
                                yield part
                log.info("a backup was made", files=len(files), bytes=size)
                yield Done(len(files), size)
            finally:
                await asyncio.to_thread(shutil.rmtree, aside, ignore_errors=True)

    def _files(self, aside: Path) -> list[tuple[str, Path, bytes | None]]:
        """What belongs to the copy: each file's name in it, where it is now, and its sha256 where known."""
        files: list[tuple[str, Path, bytes | None]] = [
            (name, aside / name, None) for name in (DATABASE, LOG_DATABASE)
        ]
        with contextlib.closing(sqlite3.connect(aside / LOG_DATABASE)) as connection:
            streams = stream_rows.load(connection)
            history = History(self._store.folder / FOLDER, streams, history_rows.load(connection, streams))
            files += [(history.name_of(one), history.path_of(one), one.sha) for one in history.everything()]
        with contextlib.closing(sqlite3.connect(aside / DATABASE)) as connection:
            for sha in sorted(set(_large_bodies(connection))):
                path = self._store.blobs.path_of(sha)
                files.append((f"bodies/{path.parent.name}/{path.name}", path, sha))
        return files


def sweep(folder: Path) -> bool:
    """Remove what a crash left of a backup; whether there was anything."""
    found = (folder / SET_ASIDE).exists()
    if found:
        shutil.rmtree(folder / SET_ASIDE)
    return found


def _make_empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()


def _large_bodies(connection: sqlite3.Connection) -> Iterator[bytes]:
    for kind in ("delta", "snapshot"):
        query = f"SELECT {kind}_sha FROM versions WHERE {kind}_sha IS NOT NULL AND {kind} IS NULL"  # noqa: S608
        for (sha,) in connection.execute(query):
            yield sha


async def _file(name: str, path: Path, expected: bytes | None) -> AsyncGenerator[Part, None]:
    hashed = sha256()
    status = await asyncio.to_thread(path.stat)
    with await asyncio.to_thread(path.open, "rb") as file:
        yield FileBegins(name, status.st_size)
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            hashed.update(chunk)
            yield chunk
    if expected is not None and hashed.digest() != expected:
        raise DigestMismatch(f"file {path}", expected.hex(), hashed.hexdigest())
    yield FileEnds(hashed.digest())
