"""Files that others replace while we run: certificates, tokens, keys. The last good content stays in use."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import structlog

log = structlog.get_logger()

T = TypeVar("T")

LOOK_EVERY_S = 1.0


class WatchedFiles(Generic[T]):
    """What `read` makes of some files, made anew when one of them changed. For use by any thread.

    Files are looked at when they are asked for, at most every `look_every_s`: nothing runs in between.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        read: Callable[[], T],
        *,
        look_every_s: float = LOOK_EVERY_S,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Reads at once. Raises what `read` raises: OSError, or ValueError for content that is wrong."""
        self._paths = tuple(paths)
        self._read = read
        self._look_every_s = look_every_s
        self._now_s = now_s
        self._lock = threading.Lock()
        self._seen = self._signature()
        self._value = read()
        self._looked_s = now_s()

    def current(self) -> T:
        """What the files say; what they said last, where they cannot be read now or are wrong."""
        if self._now_s() - self._looked_s >= self._look_every_s and self._lock.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._lock.release()
        return self._value

    def _look(self) -> None:
        # Taken before reading: a change in between is seen by the next look.
        seen = self._signature()
        if seen != self._seen:
            try:
                self._value = self._read()
                self._seen = seen
                log.info("files were read again", files=[str(path) for path in self._paths])
            except (OSError, ValueError) as error:
                # Perhaps one of two was replaced so far: the next look tries again.
                log.warning("files cannot be used; what they said before stays in use", reason=str(error))
        self._looked_s = self._now_s()

    def _signature(self) -> tuple[object, ...]:
        signature: list[object] = []
        for path in self._paths:
            try:
                # Follows links: Kubernetes replaces files by moving a link to another folder.
                found = path.stat()
            except OSError:
                signature.append(None)
            else:
                signature.append((found.st_ino, found.st_mtime_ns, found.st_size))
        return tuple(signature)
