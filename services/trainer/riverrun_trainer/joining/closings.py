"""What is due when the watermark gets there: ids by the second, in the order in which they were put in."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

GRAIN_BITS = 30
"""Times are kept to 2**30 ns, about a second, and an id comes due at most that much late."""

NEVER = 1 << 63


class Closings:
    """Ids by the time at which they are due. An id may be in here twice: who asks knows which counts."""

    def __init__(self) -> None:
        self._ids: dict[int, list[str]] = {}
        self._slots: list[int] = []
        self.next_ns = NEVER
        """When `take_due` has something to give."""

    def put(self, name: str, due_ns: int) -> None:
        """Have `name` come due once the watermark is at `due_ns`."""
        slot = (due_ns >> GRAIN_BITS) + 1
        ids = self._ids.get(slot)
        if ids is None:
            self._ids[slot] = [name]
            heapq.heappush(self._slots, slot)
            self.next_ns = self._slots[0] << GRAIN_BITS
        else:
            ids.append(name)

    def take_due(self, watermark_ns: int) -> Sequence[str]:
        """The ids that are due at `watermark_ns`, earliest first; each is given once."""
        if self.next_ns > watermark_ns:
            return ()
        due = self._pop()
        while self.next_ns <= watermark_ns:
            due += self._pop()
        return due

    def take_earliest(self) -> list[str]:
        """The ids that come due next, however far off that is; empty where there are none."""
        return self._pop() if self._slots else []

    def _pop(self) -> list[str]:
        ids = self._ids.pop(heapq.heappop(self._slots))
        self.next_ns = self._slots[0] << GRAIN_BITS if self._slots else NEVER
        return ids
