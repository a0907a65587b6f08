"""How late labels are, counted in buckets that double."""

from __future__ import annotations

import math

import msgspec

BUCKETS = 40


class Delays(msgspec.Struct, array_like=True):
    """Counts of delays: bucket i holds those below 2**(i - 10) seconds; the last holds all above."""

    counts: list[int] = msgspec.field(default_factory=lambda: [0] * BUCKETS)

    def count(self, seconds: float) -> None:
        """Count one delay; a label that was there before its prediction had none."""
        place = 0 if seconds <= 2.0**-10 else math.ceil(math.log2(seconds)) + 10
        self.counts[min(place, BUCKETS - 1)] += 1

    def quantile(self, share: float) -> float:
        """The delay in seconds below which this share lies, at most a factor of two too large; 0 for none."""
        total = sum(self.counts)
        below = 0
        for place, count in enumerate(self.counts):
            below += count
            if total and below >= share * total:
                return float(2.0 ** (place - 10))
        return 0.0
