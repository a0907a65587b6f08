"""The newest deltas of a model in memory, so that announcements carry them without a read."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from riverrun.codec.wire import encode_side
from riverrun.core.units import SideDelta

INLINE_MAX = 64 << 10
"""Largest delta, encoded, that an announcement carries."""


@dataclass(frozen=True, slots=True)
class RecentDelta:
    """One version's serving side: what leads to it from `base`, decoded and as it was pushed."""

    base: int
    delta: SideDelta
    encoded: bytes
    oldest_arrival_ns: int


@dataclass(frozen=True, slots=True)
class Path:
    """What leads from one version to another; `encoded` None: too large, or not known any more."""

    encoded: bytes | None
    oldest_arrival_ns: int


class RecentDeltas:
    """The deltas that came last, of all lines of a model, within a bound of bytes."""

    def __init__(self, max_bytes: int = 4 << 20) -> None:
        self._deltas: OrderedDict[int, RecentDelta] = OrderedDict()
        self._max_bytes = max_bytes
        self._bytes = 0

    def add(self, version: int, delta: RecentDelta) -> None:
        """Take in a version's delta and let go of the oldest ones over the bound."""
        self._deltas[version] = delta
        self._bytes += len(delta.encoded)
        while self._bytes > self._max_bytes:
            _, gone = self._deltas.popitem(last=False)
            self._bytes -= len(gone.encoded)

    def path(self, have: int, version: int, newest_arrival_ns: int) -> Path:
        """What leads from `have` to `version`; without a way, the arrival given."""
        if have == version:
            return Path(b"", 0)
        steps: list[RecentDelta] = []
        at, size = version, 0
        while at != have:
            step = self._deltas.get(at)
            if step is None or step.base < have or have == 0:
                return Path(None, newest_arrival_ns)
            steps.append(step)
            size += len(step.encoded)
            at = step.base
        arrivals = [step.oldest_arrival_ns for step in steps if step.oldest_arrival_ns]
        oldest = min(arrivals, default=0)
        if len(steps) == 1:
            return Path(steps[0].encoded if size <= INLINE_MAX else None, oldest)
        if size > 4 * INLINE_MAX:
            return Path(None, oldest)
        total = SideDelta()
        for step in reversed(steps):
            total = total.then(step.delta)
        encoded = encode_side(total)
        return Path(encoded if len(encoded) <= INLINE_MAX else None, oldest)
