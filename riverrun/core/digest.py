"""The digest of a state: a hash tree over its units, so that proving equality costs what changed.

The tree is a radix tree with a fan-out of 16, keyed by unit number. Level 0 holds the leaves
``sha256(0x00 || number as 8 bytes big-endian || payload)``; a node one level up is
``sha256(0x01 || its 16 children's hashes)`` where an absent child counts as 32 zero bytes; the tree is
as high as the largest number present needs, and the root is ``sha256(0x02 || height as one byte || top)``.
So a root is a function of the units alone, never of the deltas, snapshots or compactions that led there
(DECISIONS 8 and 9). An empty side has the root ``sha256(0x02 || 0x00 || 32 zero bytes)``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256

from riverrun.core.units import SideDelta, Unit

FANOUT_BITS = 4
FANOUT = 1 << FANOUT_BITS
ABSENT = bytes(32)


class HashTree:
    """The hash tree of one side of a state; `update` costs what changed, `root` nothing."""

    __slots__ = ("_levels", "_root")

    def __init__(self, units: Mapping[int, Unit] | None = None) -> None:
        self._levels: list[dict[int, bytes]] = [{}]
        self._root: bytes | None = None
        if units:
            self.update(SideDelta(units))

    @property
    def root(self) -> bytes:
        """The 32-byte root of the units seen so far."""
        if self._root is None:
            self._root = self._compute_root()
        return self._root

    def __contains__(self, number: int) -> bool:
        return number in self._levels[0]

    def __len__(self) -> int:
        return len(self._levels[0])

    def numbers(self) -> Iterable[int]:
        """The numbers of all units present, in no particular order."""
        return self._levels[0].keys()

    def update(self, delta: SideDelta) -> None:
        """Take in changed and dropped units; dropping an absent unit changes nothing."""
        leaves = self._levels[0]
        dirty: set[int] = set()
        for number in delta.dropped:
            if leaves.pop(number, None) is not None:
                dirty.add(number >> FANOUT_BITS)
        for number, unit in delta.changed.items():
            leaves[number] = sha256(b"\x00" + number.to_bytes(8, "big") + unit).digest()
            dirty.add(number >> FANOUT_BITS)
        if not dirty:
            return
        self._root = None
        self._rehash(dirty)

    def copy(self) -> HashTree:
        """An independent tree with the same units."""
        twin = HashTree()
        twin._levels = [dict(level) for level in self._levels]
        twin._root = self._root
        return twin

    def _rehash(self, dirty: set[int]) -> None:
        # Every level is kept, up to the one whose only possible node is number 0 for the largest
        # number ever seen; levels above the present height are ignored when the root is computed.
        level = 0
        while True:
            children = self._levels[level]
            if len(self._levels) == level + 1:
                self._levels.append({})
            nodes = self._levels[level + 1]
            parents: set[int] = set()
            for number in dirty:
                base = number << FANOUT_BITS
                hashes = [children.get(base + i, ABSENT) for i in range(FANOUT)]
                if any(h is not ABSENT for h in hashes):
                    nodes[number] = sha256(b"\x01" + b"".join(hashes)).digest()
                else:
                    nodes.pop(number, None)
                parents.add(number >> FANOUT_BITS)
            level += 1
            if parents == {0} and nodes.keys() <= {0} and level + 1 >= len(self._levels):
                return
            dirty = parents

    def _compute_root(self) -> bytes:
        leaves = self._levels[0]
        if not leaves:
            return sha256(b"\x02\x00" + ABSENT).digest()
        height = 1
        while self._levels[height].keys() != {0}:
            height += 1
        return sha256(b"\x02" + bytes([height]) + self._levels[height][0]).digest()


def version_digest(spec_digest: bytes, serving_root: bytes, trainer_root: bytes) -> bytes:
    """The digest of a version: sha256 over the spec's digest and both roots, 32 bytes each."""
    return sha256(spec_digest + serving_root + trainer_root).digest()
