"""The digest of a state: a hash tree over its units, so that proving equality costs what changed.

The tree is a radix tree with a fan-out of 16, keyed by unit number. Level 0 holds the leaves
``sha256(0x00 || number as 8 bytes big-endian || payload)``; a node one level up is
``sha256(0x01 || its 16 children's hashes)`` where an absent child counts as 32 zero bytes; the tree is
as high as the largest number present needs, and the root is ``sha256(0x02 || height as one byte || top)``.
So a root is a function of the units alone, never of the deltas, snapshots or compactions that led there
(DECISIONS 8 and 9). An empty side has the root ``sha256(0x02 || 0x00 || 32 zero bytes)``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from hashlib import sha256

from riverrun.core.units import SideDelta, Unit

FANOUT_BITS = 4
FANOUT = 1 << FANOUT_BITS
HASH_BYTES = 32
ABSENT = bytes(HASH_BYTES)
_EMPTY_NODE = bytes(FANOUT * HASH_BYTES)


class HashTree:
    """The hash tree of one side of a state; `update` costs what changed, `root` nothing."""

    __slots__ = ("_levels", "_root")

    def __init__(self, units: Mapping[int, Unit] | None = None) -> None:
        # By level and number, the children's hashes of each node, one after the other; level 1 is the first.
        self._levels: list[dict[int, bytearray]] = [{}, {}]
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
        node = self._levels[1].get(number >> FANOUT_BITS)
        start = (number % FANOUT) * HASH_BYTES
        return node is not None and node[start : start + HASH_BYTES] != ABSENT

    def update(self, delta: SideDelta) -> None:
        """Take in changed and dropped units; dropping an absent unit changes nothing."""
        deque(self.updating(delta), maxlen=0)

    def updating(self, delta: SideDelta) -> Iterator[None]:
        """`update` in steps of some microseconds; the tree is of no use where they are not all taken."""
        leaves = self._levels[1]
        hashes = {number: ABSENT for number in delta.dropped if number >> FANOUT_BITS in leaves}
        for number, unit in delta.changed.items():
            hashes[number] = sha256(b"\x00" + number.to_bytes(8, "big") + unit).digest()
            yield
        if hashes:
            self._root = None
            yield from self._rehash(hashes)

    def copy(self) -> HashTree:
        """An independent tree with the same units."""
        twin = HashTree()
        twin._levels = [{number: node[:] for number, node in level.items()} for level in self._levels]
        twin._root = self._root
        return twin

    def _rehash(self, hashes: dict[int, bytes]) -> Iterator[None]:
        # Every level is kept, up to the one whose only possible node is number 0 for the largest
        # number ever seen; levels above the present height are ignored when the root is computed.
        level = 1
        while True:
            if len(self._levels) == level:
                self._levels.append({})
                # The level below had one node at most until now, and that may not be among the changed.
                for number, node in self._levels[level - 1].items():
                    hashes.setdefault(number, sha256(b"\x01" + node).digest())
            nodes = self._levels[level]
            changed: set[int] = set()
            for number, digest in hashes.items():
                parent = number >> FANOUT_BITS
                if parent not in nodes:
                    nodes[parent] = bytearray(_EMPTY_NODE)
                start = (number % FANOUT) * HASH_BYTES
                nodes[parent][start : start + HASH_BYTES] = digest
                changed.add(parent)
            hashes = {}
            for number in changed:
                node = nodes[number]
                if node == _EMPTY_NODE:
                    del nodes[number]
                    hashes[number] = ABSENT
                else:
                    hashes[number] = sha256(b"\x01" + node).digest()
                    yield
            level += 1
            if hashes.keys() == {0} and nodes.keys() <= {0} and level >= len(self._levels):
                return

    def _compute_root(self) -> bytes:
        if not self._levels[1]:
            return sha256(b"\x02\x00" + ABSENT).digest()
        height = 1
        while self._levels[height].keys() != {0}:
            height += 1
        top = sha256(b"\x01" + self._levels[height][0]).digest()
        return sha256(b"\x02" + bytes([height]) + top).digest()


def version_digest(spec_digest: bytes, serving_root: bytes, trainer_root: bytes) -> bytes:
    """The digest of a version: sha256 over the spec's digest and both roots, 32 bytes each."""
    return sha256(spec_digest + serving_root + trainer_root).digest()
