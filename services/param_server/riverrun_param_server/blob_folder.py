"""Content-addressed files: what has a name is whole and on disk."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from riverrun.core.errors import DigestMismatch
from riverrun.runtime.folders import sync_folder, write_durably


class BlobFolder:
    """Bytes by their sha256. All methods block; they may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._holders = 0
        self._unwanted: set[bytes] = set()
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(folder.parent)
        # A process that was killed may have made folders in it and not synced them.
        sync_folder(folder)

    def put(self, body: bytes, sha: bytes) -> bool:
        """Keep `body`; on disk and under its name when this returns. Whether it was not there before."""
        with self._lock:
            self._unwanted.discard(sha)
        path = self._path(sha)
        if path.exists():
            return False
        if not path.parent.exists():
            path.parent.mkdir()
            sync_folder(self._folder)
        write_durably(path, body)
        return True

    def get(self, sha: bytes) -> bytes:
        """The bytes of `sha`; raises FileNotFoundError, and `DigestMismatch` when the disk changed them."""
        path = self._path(sha)
        body = path.read_bytes()
        found = sha256(body).digest()
        if found != sha:
            raise DigestMismatch(f"file {path}", sha.hex(), found.hex())
        return body

    def remove(self, shas: Iterable[bytes]) -> None:
        """Let go of files; those that are not there are no matter. While files are held they stay."""
        with self._lock:
            if self._holders:
                self._unwanted.update(shas)
                return
        self._unlink(shas)

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """No file goes while the block runs; what was let go of goes when the last such block ends."""
        with self._lock:
            self._holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._holders -= 1
                if not self._holders:
                    # Within the lock: whoever puts one of them again must not find it and then lose it.
                    self._unlink(self._unwanted)
                    self._unwanted.clear()

    def _unlink(self, shas: Iterable[bytes]) -> None:
        for sha in shas:
            self._path(sha).unlink(missing_ok=True)

    def sweep(self, wanted: set[bytes]) -> int:
        """Remove what a crash left behind: every file that is not `wanted`. How many there were."""
        removed = 0
        names = {sha.hex() for sha in wanted}
        for path in self._folder.glob("*/*"):
            if path.name not in names:
                path.unlink()
                removed += 1
        return removed

    def total_bytes(self) -> int:
        """Bytes of all files."""
        total = 0
        for path in self._folder.glob("*/*"):
            # One may go while the folder is read.
            with contextlib.suppress(FileNotFoundError):
                total += path.stat().st_size
        return total

    def path_of(self, sha: bytes) -> Path:
        """Where the bytes of `sha` are or would be, for messages to people."""
        return self._path(sha)

    def _path(self, sha: bytes) -> Path:
        name = sha.hex()
        return self._folder / name[:2] / name
