"""How what is seen now is distributed, against a reference window: histograms and their distance.

The distance is the population stability index, the sum over bins of (now - then) ln(now / then) for shares
(Siddiqi, "Credit Risk Scorecards", 2006; Yurdakul and Naranjo, "Statistical properties of the population
stability index", Journal of Risk Model Validation 14, 2020). By custom 0.1 is a small shift and
0.25 a large one.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from riverrun.core.predictions import FeatureValue

BINS = 10
MAX_CATEGORIES = 50
OTHER = "(other)"
MISSING = "(missing)"
EMPTY_SHARE = 1e-4
"""What a bin without any counts as, since a logarithm needs a share above zero."""


class Histogram(msgspec.Struct):
    """Counts by bin. Numbers fall between `edges`; anything else into the category of its name.

    A category that the reference did not have counts as other.
    """

    edges: list[float]
    counts: dict[str, int]

    def bin_of(self, value: FeatureValue) -> str:
        """The name of the bin that `value` falls into."""
        if value is None:
            return MISSING
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(bisect_right(self.edges, value))
        name = str(value)
        return name if name in self.counts else OTHER

    def count(self, value: FeatureValue) -> None:
        """Count one value."""
        name = self.bin_of(value)
        self.counts[name] = self.counts.get(name, 0) + 1

    @property
    def shares(self) -> Mapping[str, float]:
        """The share of each bin; empty before the first value."""
        total = sum(self.counts.values())
        return {name: count / total for name, count in self.counts.items()} if total else {}


def reference_histogram(values: Sequence[FeatureValue]) -> Histogram:
    """The histogram of a reference window: its deciles for numbers, its commonest categories otherwise."""
    numbers = sorted(
        value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)
    )
    others = Counter(str(value) for value in values if isinstance(value, (bool, str)))
    histogram = Histogram(_edges(numbers), dict.fromkeys(dict(others.most_common(MAX_CATEGORIES)), 0))
    for value in values:
        histogram.count(value)
    return histogram


def _edges(numbers: Sequence[float]) -> list[float]:
    """The deciles of sorted numbers. One that is a tenth by itself, or one of few, gets its own bin."""
    if not numbers:
        return []
    deciles = Counter(numbers[len(numbers) * i // BINS] for i in range(1, BINS))
    distinct = set(numbers)
    lone = distinct if len(distinct) <= BINS else {value for value, times in deciles.items() if times > 1}
    return sorted({*deciles, *lone, *(math.nextafter(value, math.inf) for value in lone)})


def stability_index(then: Histogram, now: Histogram) -> float:
    """The population stability index of `now` against `then`, at least 0; 0 while either is empty."""
    before, after = then.shares, now.shares
    if not before or not after:
        return 0.0
    index = 0.0
    for name in before.keys() | after.keys():
        expected = max(before.get(name, 0.0), EMPTY_SHARE)
        actual = max(after.get(name, 0.0), EMPTY_SHARE)
        index += (actual - expected) * math.log(actual / expected)
    return index


class Windows(msgspec.Struct):
    """What a distribution watch knows: the values of a reference in the making, then both histograms."""

    first: list[FeatureValue] = []
    reference: Histogram | None = None
    now: Histogram | None = None
    seen: int = 0
    index: float = 0.0


class Distribution:
    """Watches one feature, or the predictions: the first `window` values are the reference, and each
    `window` after that is compared with them. One value counts into one window only.
    """

    def __init__(self, window: int = 1_000, windows: Windows | None = None) -> None:
        """Go on from `windows`, where given."""
        self._window = window
        self.windows = windows or Windows()

    @property
    def index(self) -> float:
        """The stability index of the last whole window; 0 until there is one."""
        return self.windows.index

    def update(self, value: FeatureValue) -> bool:
        """Take one value; whether a window was completed by it, so that `index` is new."""
        windows = self.windows
        if windows.reference is None or windows.now is None:
            windows.first.append(value)
            if len(windows.first) >= self._window:
                windows.reference = reference_histogram(windows.first)
                windows.first = []
                windows.now = _emptied(windows.reference)
            return False
        windows.now.count(value)
        windows.seen += 1
        if windows.seen < self._window:
            return False
        windows.index = stability_index(windows.reference, windows.now)
        windows.now, windows.seen = _emptied(windows.reference), 0
        return True


def _emptied(histogram: Histogram) -> Histogram:
    return Histogram(histogram.edges, dict.fromkeys(histogram.counts, 0))
