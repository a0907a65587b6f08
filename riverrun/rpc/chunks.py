"""Long bytes in pieces that a message can carry."""

from __future__ import annotations

from collections.abc import Iterator

from riverrun.core.errors import Exhausted, InvalidInput

CHUNK_BYTES = 1 << 20
"""What one chunk holds at most."""


SENT_BYTES = 128 << 10
"""What one chunk of a pull holds: gRPC keeps some four of each transfer in memory, of hundreds."""


def split(data: bytes, size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """`data` in chunks of at most `size`, which is at most `CHUNK_BYTES`, in order; none for no bytes."""
    view = memoryview(data)
    for start in range(0, len(data), size):
        yield bytes(view[start : start + size])


class Joiner:
    """Joins chunks of a declared total length; holds what has arrived, never more than was declared."""

    def __init__(self, what: str, total: int, *, max_bytes: int) -> None:
        """Raises `Exhausted` when `total` is over `max_bytes`, `InvalidInput` when it is negative."""
        if total < 0:
            raise InvalidInput(what, "a length of 0 or more bytes")
        if total > max_bytes:
            raise Exhausted(what, f"{max_bytes} bytes")
        self._what = what
        self._total = total
        self._chunks: list[bytes] = []
        self._size = 0

    @property
    def missing(self) -> int:
        """The bytes that have yet to arrive."""
        return self._total - self._size

    def add(self, chunk: bytes) -> None:
        """Take the next chunk. Raises `InvalidInput` for one that is empty, too large, or too much."""
        if not 0 < len(chunk) <= CHUNK_BYTES:
            raise InvalidInput(self._what, f"chunks of 1 to {CHUNK_BYTES} bytes")
        if len(chunk) > self.missing:
            raise InvalidInput(self._what, f"no more than the {self._total} bytes that were declared")
        self._chunks.append(chunk)
        self._size += len(chunk)

    def joined(self) -> bytes:
        """All bytes. Raises `InvalidInput` while some are missing."""
        if self.missing:
            raise InvalidInput(self._what, f"{self._total} bytes; {self.missing} are missing")
        return b"".join(self._chunks)
