"""Whether a share that was answered is the share that came true.

Answers fall into equal bins by their share (DeGroot and Fienberg, "The comparison and evaluation of
forecasters", 1983); the expected calibration error is the mean distance between a bin's answers and what came
true, weighted by its count (Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using
Bayesian Binning", AAAI 2015).
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

BINS = 10


class CalibrationCounts(msgspec.Struct):
    """Per bin: answers, the sum of their shares, and how many came true."""

    answers: list[int] = msgspec.field(default_factory=lambda: [0] * BINS)
    share_sums: list[float] = msgspec.field(default_factory=lambda: [0.0] * BINS)
    came_true: list[int] = msgspec.field(default_factory=lambda: [0] * BINS)


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of the diagram: how many answers, their mean share, and the share that came true."""

    answers: int
    answered: float
    came_true: float


class Calibration:
    """Of one class against the rest, over all answers so far."""

    def __init__(self, counts: CalibrationCounts | None = None) -> None:
        """Go on from `counts`, where given."""
        self.counts = counts or CalibrationCounts()

    def update(self, share: float, came_true: bool) -> None:
        """Take one answer, a share in [0, 1], and what came of it."""
        number = min(int(share * BINS), BINS - 1)
        self.counts.answers[number] += 1
        self.counts.share_sums[number] += share
        self.counts.came_true[number] += came_true

    @property
    def bins(self) -> list[Bin]:
        """The bins that have answers, by rising share."""
        rows = zip(self.counts.answers, self.counts.share_sums, self.counts.came_true, strict=True)
        return [Bin(count, total / count, true / count) for count, total, true in rows if count]

    @property
    def error(self) -> float:
        """The expected calibration error, in [0, 1]; 0 before the first answer."""
        bins = self.bins
        answers = sum(one.answers for one in bins)
        return (
            sum(one.answers * abs(one.answered - one.came_true) for one in bins) / answers if answers else 0.0
        )
