"""Champion against challenger on the same examples: may the challenger take over?

The difference of both losses on each example is what is looked at, so that what makes an example hard for
both counts for nothing. It is refused as soon as it is surely worse, which for a model that was fed wrong
labels is within few examples; passing takes a whole window.
"""

from __future__ import annotations

import enum

from riverrun.evaluation.confidence_sequence import ConfidenceSequence, Interval


class Verdict(enum.Enum):
    """What a comparison has come to."""

    UNDECIDED = "undecided"
    PASSES = "passes"
    REFUSED = "refused"


class Comparison:
    """One window: refused once the challenger's mean loss is above the champion's by more than `margin`
    with a chance of error of `alpha` at most, however often it was looked at.

    It passes at `examples`, where the mean is not above by more than `margin` either; where it is, and not
    surely so, the window goes on until one or the other.
    """

    def __init__(self, examples: int, *, margin: float = 0.0, alpha: float = 0.01) -> None:
        """Raises `ValueError` for fewer than one example, or a margin that is not in [0, 1)."""
        if examples < 1:
            raise ValueError(f"expected one example at least, got {examples}")
        if not 0 <= margin < 1:
            raise ValueError(f"expected a margin of at least 0 and below 1, got {margin}")
        self._examples = examples
        self._margin = margin
        # Only one side is asked for, and a two-sided interval errs on each with half its chance.
        self.sequence = ConfidenceSequence(-1.0, 1.0, alpha=2 * alpha)

    @property
    def count(self) -> int:
        """Examples so far."""
        return self.sequence.count

    @property
    def excess_loss(self) -> float:
        """The challenger's mean loss less the champion's."""
        return self.sequence.mean

    @property
    def interval(self) -> Interval:
        """Where the excess surely lies."""
        return self.sequence.interval

    @property
    def verdict(self) -> Verdict:
        """What it has come to."""
        if self.interval.low > self._margin:
            return Verdict.REFUSED
        if self.count >= self._examples and self.excess_loss <= self._margin:
            return Verdict.PASSES
        return Verdict.UNDECIDED

    def update(self, champion_loss: float, challenger_loss: float) -> None:
        """Take both losses, in [0, 1], on one example. Raises `ValueError` outside."""
        for loss in (champion_loss, challenger_loss):
            if not 0 <= loss <= 1:
                raise ValueError(f"expected a loss in [0, 1], got {loss}")
        self.sequence.update(challenger_loss - champion_loss)
