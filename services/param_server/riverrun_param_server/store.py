"""Everything durable of the parameter server: one SQLite file and a folder of large bodies.

What a method wrote is on disk, fsynced, when it returns. A full disk raises `Exhausted` and changes
nothing. Any other failure of the disk is fatal: what the kernel then holds is unknown, so nothing is
acknowledged any more and the process must end.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from riverrun.core.errors import DigestMismatch, Exhausted, Unavailable
from riverrun.core.journal import JournalRecord
from riverrun.runtime.failpoints import reach
from riverrun.runtime.sqlite.database import Database
from riverrun.runtime.sqlite.error_codes import disk_is_full, is_damage
from riverrun.runtime.sqlite.transactions import transaction
from riverrun_param_server import journal, version_rows
from riverrun_param_server.blob_folder import BlobFolder
from riverrun_param_server.fatal import Fatal
from riverrun_param_server.identity import check_not_lost
from riverrun_param_server.records import ModelRecord, encode_record
from riverrun_param_server.schema import DATABASE, FORMAT
from riverrun_param_server.version_rows import Body, VersionRow

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change:
    """One transaction: a model's new record and what comes with it.

    `version` is a new row, whose bodies that are not inline are in `blobs`. `good` marks a version,
    `not_good` takes marks away.
    `specs` are texts that the record refers to by their sha256. `journal` is what people are told of
    the change later: what moved and why.
    """

    record: ModelRecord
    version: VersionRow | None = None
    blobs: tuple[tuple[bytes, bytes], ...] = ()
    good: int = 0
    not_good: tuple[int, ...] = ()
    specs: tuple[str, ...] = ()
    journal: tuple[JournalRecord, ...] = ()


class Store:
    """The durable state. Methods may be called from one event loop; they run one at a time, in order."""

    def __init__(self, folder: Path, fatal: Fatal) -> None:
        """Open or make the store in `folder`.

        Raises `DigestMismatch` for a file that is no store any more or that is gone from one, and what
        `Database` raises.
        """
        folder.mkdir(parents=True, exist_ok=True)
        check_not_lost(folder)
        self.folder = folder
        self.blobs = BlobFolder(folder / "bodies")
        try:
            self.database = Database(folder / DATABASE, FORMAT)
            reach("start.after-schema")
        except Exception as error:
            if is_damage(error):
                raise DigestMismatch(f"file {DATABASE}", "a database of this program", str(error)) from error
            raise
        self._fatal = fatal
        self.make_room: Callable[[], Awaitable[bool]] | None = None

    async def commit(self, change: Change) -> ModelRecord:
        """Make `change` durable; the record as written, which knows the new row as its tail.

        On a full disk `make_room` is asked, and where it made some the change is tried again.
        """
        # Large bodies are files to be written first: nothing to do in the event loop.
        run = self.database.run if change.blobs else self.database.commit

        def work(connection: sqlite3.Connection) -> ModelRecord:
            return self._commit(connection, change)

        try:
            return await self._guarded(lambda: run(work))
        except Exhausted:
            if self.make_room is None or not await self.make_room():
                raise
            return await self._guarded(lambda: run(work))

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `work` in the store's thread. Raises `Exhausted` when the disk is full."""
        return await self._guarded(lambda: self.database.run(work))

    async def row(self, model: int, version: int) -> VersionRow | None:
        """One version, or None."""
        return await self.run(lambda connection: version_rows.select(connection, model, version))

    async def read_body(self, body: Body) -> tuple[bytes, bytes]:
        """Both encoded sides of `body`, proven. Raises `DigestMismatch`, FileNotFoundError."""
        content = body.inline
        if content is None:
            # Not in the store's thread: a push does not wait for a large read.
            content = await self._guarded(lambda: asyncio.to_thread(self.blobs.get, body.sha))
        else:
            version_rows.check_body("an inline body", body, content)
        return content[: body.serving_bytes], content[body.serving_bytes :]

    async def put_file(self, sha: bytes, content: bytes) -> None:
        """Keep a large body; a version must come to name it, or the next start removes it."""
        await self.run(lambda _: self.blobs.put(content, sha))

    async def attach_snapshot(self, row: VersionRow, serving: bytes, trainer: bytes) -> None:
        """Give a version a snapshot beside its delta; nothing happens where the version went meanwhile."""
        body, content = Body.of(serving, trainer)

        def work(connection: sqlite3.Connection) -> None:
            reach("snapshot.before-write")
            large = ((body.sha, content),) if body.inline is None else ()
            with self._with_files(large), transaction(connection):
                present = version_rows.select(connection, row.model, row.version)
                if present is not None:
                    version_rows.update(connection, replace(present, snapshot=body))
                reach("snapshot.after-write")
            reach("snapshot.after-fsync")

        await self.run(work)

    async def copy_to(self, path: Path) -> None:
        """Write what is committed to the file `path`, commits going on meanwhile. Raises as `run` does."""
        await self._guarded(lambda: asyncio.to_thread(self.database.copy_to, path))

    def total_bytes(self) -> int:
        """Bytes on disk of weights and manifests. Blocks."""
        return (self.folder / DATABASE).stat().st_size + self.blobs.total_bytes()

    def close(self) -> None:
        """Finish what was asked for and close the file."""
        self.database.close()

    async def _guarded(self, begin: Callable[[], Awaitable[T]]) -> T:
        if self._fatal.error is not None:
            raise Unavailable("the store", "its disk failed")
        try:
            return await begin()
        except (sqlite3.Error, OSError) as error:
            if disk_is_full(error):
                raise Exhausted("disk of the parameter server", "its free space") from error
            if _is_fatal(error):
                self._fatal.set(error)
                raise Unavailable("the store", "its disk failed") from error
            raise

    @contextlib.contextmanager
    def _with_files(self, files: Iterable[tuple[bytes, bytes]]) -> Iterator[None]:
        """Files first, then the block that names them; on a full disk those that are new go again."""
        new: list[bytes] = []
        try:
            for sha, content in files:
                if self.blobs.put(content, sha):
                    new.append(sha)
            yield
        except (sqlite3.Error, OSError) as error:
            # After any other error it is not known whether the block was committed.
            if disk_is_full(error):
                self.blobs.remove(new)
            raise

    def _commit(self, connection: sqlite3.Connection, change: Change) -> ModelRecord:
        record = change.record
        with self._with_files(change.blobs):
            reach("commit.before-write")
            with transaction(connection):
                for text in change.specs:
                    connection.execute("INSERT OR IGNORE INTO specs VALUES (?,?)", (spec_sha(text), text))
                if change.version is not None:
                    identity = version_rows.insert(connection, change.version, record.tail_id)
                    record = replace(record, tail_version=change.version.version, tail_id=identity)
                marks = dict.fromkeys(change.not_good, False)
                if change.good:
                    marks[change.good] = True
                for version, good in marks.items():
                    row = version_rows.select(connection, record.id, version)
                    if row is not None and row.good != good:
                        version_rows.update(connection, replace(row, good=good))
                reach("commit.half-written")
                record = replace(record, records=record.records + len(change.journal))
                write_record(connection, record)
                if change.journal:
                    journal.append(connection, record, change.journal)
                reach("commit.after-write")
        reach("commit.after-fsync")
        return record


def _is_fatal(error: sqlite3.Error | OSError) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.EIO, errno.EROFS)
    return isinstance(error, sqlite3.DatabaseError)


def write_record(connection: sqlite3.Connection, record: ModelRecord) -> None:
    """Put `record` in place of the one that is there, or add it."""
    body, sealed = encode_record(record)
    connection.execute(
        "INSERT INTO models VALUES (?,?,?,?) ON CONFLICT (id) DO UPDATE SET body=excluded.body, "
        "seal=excluded.seal",
        (record.id, record.name, body, sealed),
    )


def spec_sha(text: str) -> bytes:
    """What a spec is kept by."""
    return sha256(text.encode()).digest()
