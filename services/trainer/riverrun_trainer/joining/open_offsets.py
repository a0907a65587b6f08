"""Which events of a stream still matter, and so from where it is read again after a restart."""

from __future__ import annotations

from collections import deque


class OpenOffsets:
    """Offsets that were opened in ascending order and are closed in any."""

    def __init__(self) -> None:
        self._opened: deque[int] = deque()
        self._closed: set[int] = set()

    def open(self, offset: int) -> None:
        """`offset`, above all that were opened before, matters from now on."""
        self._opened.append(offset)

    def close(self, offset: int) -> None:
        """`offset`, which is open, matters no more."""
        self._closed.add(offset)

    def first(self) -> int | None:
        """The lowest open offset, None where none is."""
        opened, closed = self._opened, self._closed
        while opened and opened[0] in closed:
            closed.remove(opened.popleft())
        return opened[0] if opened else None
