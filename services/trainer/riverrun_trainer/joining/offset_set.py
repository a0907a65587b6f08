"""Sets of offsets that are dense and grow at one end: bits, in blocks that change and go one by one."""

from __future__ import annotations

from collections.abc import Mapping

BLOCK_BITS = 9
BLOCK = 1 << BLOCK_BITS
"""Offsets of one block, 64 bytes: a version commits each block in which anything changed."""

_FULL = b"\xff" * (BLOCK >> 3)


class OffsetSet:
    """Offsets from some floor on; those below may be let go of, a block at a time."""

    def __init__(self, blocks: Mapping[int, bytes] | None = None) -> None:
        self._blocks = {number: bytearray(bits) for number, bits in (blocks or {}).items()}
        self._changed: set[int] = set()
        self._dropped: set[int] = set()
        self._lowest = 0

    def __contains__(self, offset: int) -> bool:
        block = self._blocks.get(offset >> BLOCK_BITS)
        if block is None:
            return False
        at = offset & BLOCK - 1
        return bool(block[at >> 3] >> (at & 7) & 1)

    def add(self, offset: int) -> None:
        """Put `offset` into the set, which must not lie in a block that was let go of."""
        number, at = offset >> BLOCK_BITS, offset & BLOCK - 1
        block = self._blocks.get(number)
        if block is None:
            block = self._blocks[number] = bytearray(BLOCK >> 3)
        block[at >> 3] |= 1 << (at & 7)
        self._changed.add(number)

    def add_range(self, start: int, end: int) -> None:
        """Put [start, end) into the set."""
        while start < end:
            if start & BLOCK - 1 == 0 and end - start >= BLOCK:
                self._blocks[start >> BLOCK_BITS] = bytearray(_FULL)
                self._changed.add(start >> BLOCK_BITS)
                start += BLOCK
            else:
                self.add(start)
                start += 1

    def drop_below(self, offset: int) -> None:
        """Let go of the blocks that lie wholly below `offset`."""
        first = offset >> BLOCK_BITS
        if first <= self._lowest:
            return
        self._lowest = first
        for number in [number for number in self._blocks if number < first]:
            del self._blocks[number]
            self._changed.discard(number)
            self._dropped.add(number)

    def take_changes(self) -> tuple[dict[int, bytes], set[int]]:
        """The blocks that changed and the numbers of those let go of, since the last call."""
        changed = {number: bytes(self._blocks[number]) for number in self._changed}
        dropped, self._dropped = self._dropped, set()
        self._changed.clear()
        return changed, dropped
