"""Taking in a backup of a running parameter server: a folder for `riverrun store restore`."""

from __future__ import annotations

import asyncio
import datetime
import os
import re
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import msgspec

from riverrun.api.params.v1 import params_pb2 as pb
from riverrun.core.backups import CONTENTS, BackedUpFile, Contents
from riverrun.core.errors import AlreadyExists, DigestMismatch, InvalidInput, Unavailable
from riverrun.rpc.params_client import PEER, ParameterClient, translated
from riverrun.runtime.folders import sync_folder, sync_tree

_NAMES = re.compile(
    r"params\.sqlite|events\.sqlite|bodies/[0-9a-f]{2}/[0-9a-f]{64}"
    r"|history/[a-z0-9][a-z0-9-]{0,62}/(predictions|labels|examples)/[0-9]{13}\.parquet"
)


async def receive_backup(client: ParameterClient, folder: Path, *, deadline_s: float) -> Contents:
    """Write a copy of all that the server keeps to `folder`, on disk when this returns; what it holds.

    The list of contents is written last: a folder without one is no backup. Raises `AlreadyExists` where
    the folder holds something, and as the calls of `client` do.
    """
    await asyncio.to_thread(_begin, folder)
    taking = _Taking(folder)
    store_id = ""
    try:
        with translated():
            async for response in client.stub.Backup(pb.BackupRequest(), timeout=deadline_s):
                store_id = response.store_id
                await asyncio.to_thread(taking.take, response)
    finally:
        taking.close()
    if not taking.done:
        raise Unavailable(PEER, "the backup was cut short")
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    contents = Contents(store_id, now, tuple(taking.files))
    await asyncio.to_thread(_finish, folder, contents)
    return contents


class _Taking:
    """Files as they come in, each checked against the sha256 that ends it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: BinaryIO | None = None
        self._name = ""
        self._hashed = sha256()
        self._size = 0
        self.files: list[BackedUpFile] = []
        self.done = False

    def take(self, response: pb.BackupResponse) -> None:
        """One message, in order; blocks."""
        kind = response.WhichOneof("response")
        if kind == "file":
            self._begin(response.file.path)
        elif kind == "chunk" and self._file is not None:
            self._hashed.update(response.chunk)
            self._size += self._file.write(response.chunk)
        elif kind == "sha256" and self._file is not None:
            self._end(response.sha256)
        elif kind == "done":
            found = len(self.files)
            if found != response.done.files:
                raise DigestMismatch("backup", f"{response.done.files} files", f"{found} files")
            self.done = True

    def close(self) -> None:
        """Let go of a file that never ended."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self, name: str) -> None:
        if not _NAMES.fullmatch(name):
            # The other side must not choose where we write.
            raise InvalidInput("file.path", "expected the path of a store's file")
        self.close()
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("xb")
        self._name, self._hashed, self._size = name, sha256(), 0

    def _end(self, expected: bytes) -> None:
        assert self._file is not None
        found = self._hashed.digest()
        if found != expected:
            raise DigestMismatch(f"file {self._name} of the backup", expected.hex(), found.hex())
        self._file.flush()
        os.fsync(self._file.fileno())
        self.close()
        self.files.append(BackedUpFile(self._name, self._size, found.hex()))


def _begin(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if next(folder.iterdir(), None) is not None:
        raise AlreadyExists("folder", str(folder))


def _finish(folder: Path, contents: Contents) -> None:
    sync_tree(folder)
    temporary = folder / f"{CONTENTS}.tmp"
    with temporary.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(contents), indent=1))
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(folder / CONTENTS)
    sync_folder(folder)
    sync_folder(folder.parent)
