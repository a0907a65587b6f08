"""The last good weights on disk, to start from when the parameter server is away.

One file per (model, channel): a magic word, sha256 over the rest, the rest in msgpack. A file is written
beside and renamed, so that it is whole or not there; one that is damaged is left out with a line in the
log, never used.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import msgspec
import structlog

from riverrun.core.versions import Manifest
from riverrun.runtime import failpoints
from riverrun.runtime.folders import sync_folder

MAGIC = b"riverrun-last-good-1\n"
ENDING = ".weights"

log = structlog.get_logger()


class LastGood(msgspec.Struct, frozen=True):
    """One slot's weights. `left` are the stores that this pod must not go back to."""

    store_id: str
    left: tuple[str, ...]
    channel: str
    generation: int
    manifest: Manifest
    spec_yaml: str
    units: Mapping[int, bytes]


class LastGoodFolder:
    """The folder that the copies lie in; one process owns it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(LastGood)

    def read_all(self) -> Iterator[LastGood]:
        """Every copy that is whole. Blocks."""
        if not self._folder.is_dir():
            return
        for path in sorted(self._folder.glob(f"*{ENDING}")):
            try:
                yield self._read(path)
            except (OSError, ValueError, msgspec.MsgspecError) as error:
                log.warning("a last-good copy is damaged and left out", path=str(path), error=str(error))

    def write(self, copy: LastGood) -> None:
        """Put `copy` in place of the slot's older one, on disk when this returns. Blocks; raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        body = self._encoder.encode(copy)
        path = self._path(copy.manifest.model, copy.channel)
        beside = path.with_suffix(".new")
        with beside.open("wb") as file:
            failpoints.write(file, MAGIC + sha256(body).digest() + body, "copy.half-written")
            file.flush()
            failpoints.reach("copy.after-write")
            os.fsync(file.fileno())
        failpoints.reach("copy.after-fsync")
        beside.replace(path)
        failpoints.reach("copy.after-rename")
        sync_folder(self._folder)

    def forget(self, model: str, channel: str) -> None:
        """Remove a slot's copy; one that is not there is no error. Blocks."""
        self._path(model, channel).unlink(missing_ok=True)

    def _read(self, path: Path) -> LastGood:
        content = path.read_bytes()
        head = len(MAGIC) + 32
        body = content[head:]
        if content[: len(MAGIC)] != MAGIC or sha256(body).digest() != content[len(MAGIC) : head]:
            raise ValueError("its checksum is wrong")
        copy = self._decoder.decode(body)
        if path != self._path(copy.manifest.model, copy.channel):
            raise ValueError(f"it holds {copy.manifest.model}, channel {copy.channel}")
        return copy

    def _path(self, model: str, channel: str) -> Path:
        return self._folder / f"{quote(model, safe='')}@{quote(channel, safe='')}{ENDING}"
