"""Mutants of what is durable: each function breaks one rule of the parameter server in this process alone.

Imported by `sitecustomize` in a child; never by product code, nor by the tests.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import sys
import threading
import time
from pathlib import Path
from typing import Any

from riverrun_param_server import blob_folder, identity, proof, pushes, sessions, store, version_rows

from riverrun.events.embedded import checksums
from riverrun.runtime.folders import sync_folder

_fsync = os.fsync


def no_data_fsync() -> None:
    """Files are renamed into place without having been synced."""

    def folders_only(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            _fsync(descriptor)

    os.fsync = folders_only


def no_folder_fsync() -> None:
    """Nothing syncs the folder that a file was renamed in."""

    def files_only(descriptor: int) -> None:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            _fsync(descriptor)

    os.fsync = files_only


def ack_before_fsync() -> None:
    """Everything is synced, but a second after it was acknowledged."""
    _pragmas(synchronous="OFF")
    os.fsync = lambda descriptor: None

    def later() -> None:
        while True:
            time.sleep(1)
            os.sync()

    threading.Thread(target=later, daemon=True).start()


def publish_before_fsync() -> None:
    """Watchers hear of a version while it is being written."""
    commit = pushes.Pushes._commit

    async def announce_then_commit(self: Any, model: Any, *rest: Any) -> None:
        row = next(one for one in rest if isinstance(one, version_rows.VersionRow))
        before, manifests = model.record, dict(model.manifests)
        early = before
        for channel in row.stored.moved:
            early = early.with_channel(channel)
        model.record = early
        model.manifests[row.version] = row.manifest
        self._hub.channel_moved(model.name, *(channel.name for channel in row.stored.moved))
        await asyncio.sleep(0.02)
        model.record, model.manifests = before, manifests
        await commit(self, model, *rest)

    pushes.Pushes._commit = announce_then_commit


def in_place_write() -> None:
    """A large body is written under its own name from the start."""

    def directly(path: Path, body: bytes) -> None:
        with path.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)

    blob_folder.write_durably = directly
    identity.write_durably = directly


def no_epoch_check() -> None:
    """A push counts whatever its epoch."""
    pushes._check_epoch = lambda *arguments: None


def epoch_only_in_memory() -> None:
    """A session's epoch is granted without being written."""
    grant = sessions.Sessions._grant

    async def in_memory(self: Any, *asked: Any) -> Any:
        catalogue = self._catalogue

        class Unwritten:
            async def commit(self, model: Any, change: Any) -> None:
                model.record = change.record

        self._catalogue = _Over(catalogue, Unwritten())
        try:
            return await grant(self, *asked)
        finally:
            self._catalogue = catalogue

    sessions.Sessions._grant = in_memory


class _Over:
    """`front` where it has the attribute, else `behind`."""

    def __init__(self, behind: Any, front: Any) -> None:
        self._behind, self._front = behind, front

    def __getattr__(self, name: str) -> Any:
        return getattr(self._front, name, None) or getattr(self._behind, name)


def no_checksum() -> None:
    """Rows, records, files and roots are taken for what they say that they are."""
    proof.seal = lambda key, body: _Any()
    proof.spec_sha = lambda text: _Any()
    proof.find_damage = lambda connection: ""
    proof._check_file = lambda *arguments: None
    version_rows.check_body = lambda what, body, content: None
    version_rows._checksum = lambda *arguments: _Any()
    blob_folder.BlobFolder.get = lambda self, sha: self.path_of(sha).read_bytes()
    checksums.check = lambda *arguments: None


class _Any:
    """Equal to every checksum."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = None

    def hex(self) -> str:
        return ""


def retry_fsync() -> None:
    """A failed fsync is tried again; the second time it succeeds, and nothing was written."""

    def again(descriptor: int) -> None:
        for _ in range(3):
            try:
                return _fsync(descriptor)
            except OSError:
                time.sleep(0.001)
        return None

    os.fsync = again
    guarded = store.Store._guarded

    async def until_it_works(self: Any, begin: Any) -> Any:
        async def once() -> Any:
            for _ in range(3):
                try:
                    return await begin()
                except sqlite3.OperationalError:
                    self.database._failure = None
                    await asyncio.sleep(0.001)
            return await begin()

        return await guarded(self, once)

    store.Store._guarded = until_it_works


def encodings_counted() -> None:
    """No mutant but a meter: each time that weights are encoded is a line in the log."""
    from riverrun_param_server import encodings

    make = encodings.Encodings._make

    async def counted(self: Any, key: Any, making: Any) -> Any:
        print('{"event": "encoded"}', file=sys.stderr, flush=True)
        return await make(self, key, making)

    encodings.Encodings._make = counted  # type: ignore[method-assign]


def encoded_for_each_reader() -> None:
    """What was encoded for one reader is encoded again for the next."""
    from riverrun_param_server import encodings

    async def get(self: Any, key: Any, make: Any) -> Any:
        return await self._make(key, make)

    encodings.Encodings.get = get  # type: ignore[method-assign]
    encodings_counted()


def ids_age_by_the_wall() -> None:
    """How old an event's id is, the wall clock says."""
    from riverrun.events.embedded import log_clock

    log_clock.LogClock.now_ns = lambda self: self._clock.wall_ns()  # type: ignore[method-assign]


def journal_deleted() -> None:
    """The rollback journal is unlinked at each commit, and nothing syncs its folder.

    In exclusive locking mode SQLite keeps the journal's file whatever its mode, so that goes too.
    """
    _pragmas(locking_mode="NORMAL", journal_mode="DELETE", synchronous="FULL")


def _pragmas(**settings: str) -> None:
    """Whatever the product sets of these pragmas is set to this instead."""

    class Connection(sqlite3.Connection):
        def execute(self, statement: str, *arguments: Any) -> sqlite3.Cursor:
            name, _, value = statement.removeprefix("PRAGMA ").partition("=")
            if statement.startswith("PRAGMA ") and value and name in settings:
                statement = f"PRAGMA {name}={settings[name]}"
            return super().execute(statement, *arguments)

    connect = sqlite3.connect

    def connected(*arguments: Any, **named: Any) -> sqlite3.Connection:
        return connect(*arguments, **named, factory=Connection)

    sqlite3.connect = connected
