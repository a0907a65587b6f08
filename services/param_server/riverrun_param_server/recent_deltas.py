"""The newest deltas of a model in memory, so that announcements carry them without a read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from riverrun.codec.wire import encode_side
from riverrun.core.units import SideDelta

INLINE_MAX = 64 << 10
"""Largest delta, encoded, that an announcement carries."""

DELTA_BYTES, UNIT_BYTES = 500, 105
"""What a delta and each of its units take beside their content, as CPython 3.11 has it."""


@dataclass(frozen=True, slots=True)
class RecentDelta:
    """One version's serving side: what leads to it from `base`, decoded and as it was pushed."""

    base: int
    delta: SideDelta
    encoded: bytes
    oldest_arrival_ns: int

    @property
    def held_bytes(self) -> int:
        """About what it takes of memory: of a small delta most is what Python keeps around its bytes."""
        units = self.delta.changed
        content = len(self.encoded) + sum(map(len, units.values()))
        return DELTA_BYTES + content + UNIT_BYTES * (len(units) + len(self.delta.dropped))


@dataclass(frozen=True, slots=True)
class Path:
    """What leads from one version to another; `encoded` None: too large, or not known any more."""

    encoded: bytes | None
    oldest_arrival_ns: int


class RecentDeltas:
    """The deltas that came last, of all lines of a model, within a bound of memory."""

    def __init__(self, max_bytes: int = 8 << 20) -> None:
        self._deltas: OrderedDict[int, RecentDelta] = OrderedDict()
        self._max_bytes = max_bytes
        self._bytes = 0

    def add(self, version: int, delta: RecentDelta) -> None:
        """Take in a version's delta and let go of the oldest ones over the bound."""
        self._deltas[version] = delta
        self._bytes += delta.held_bytes
        while self._bytes > self._max_bytes:
            _, gone = self._deltas.popitem(last=False)
            self._bytes -= gone.held_bytes

    def path(self, have: int, version: int, newest_arrival_ns: int) -> Path:
        """What leads from `have` to `version`; without a way, the arrival given."""
        if have == version:
            return Path(b"", 0)
        steps = self._steps(have, version)
        if not steps:
            return Path(None, newest_arrival_ns)
        oldest = min((step.oldest_arrival_ns for step in steps if step.oldest_arrival_ns), default=0)
        if sum(len(step.encoded) for step in steps) > (INLINE_MAX if len(steps) == 1 else 4 * INLINE_MAX):
            return Path(None, oldest)
        encoded = _composed(steps)
        return Path(encoded if len(encoded) <= INLINE_MAX else None, oldest)

    def composed(self, have: int, version: int) -> bytes | None:
        """What leads from `have` to `version`, of any size; None where it is not known any more.

        Blocks for as long as composing takes.
        """
        steps = self._steps(have, version)
        return _composed(steps) if steps else None

    def _steps(self, have: int, version: int) -> list[RecentDelta]:
        """The deltas from `have` to `version`, oldest first; none where one of them is not known."""
        steps: list[RecentDelta] = []
        at = version
        while have and at != have:
            step = self._deltas.get(at)
            if step is None or step.base < have:
                return []
            steps.append(step)
            at = step.base
        return steps[::-1]


def _composed(steps: Sequence[RecentDelta]) -> bytes:
    if len(steps) == 1:
        return steps[0].encoded
    total = SideDelta()
    for step in steps:
        total = total.then(step.delta)
    return encode_side(total)
