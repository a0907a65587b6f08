"""An interval for a mean that holds at every moment at once, so that people may look whenever they like.

A fixed-sample interval is wrong as soon as somebody looks twice and stops at the look they like. This one
is the predictable plug-in empirical Bernstein confidence sequence of Waudby-Smith and Ramdas, "Estimating
means of bounded random variables by betting" (JRSS B 86, 2024), section 3.2 and theorem 2. It needs bounds
of the values and nothing else: no distribution, no variance, no minimum of examples; and the values may
depend on those before, as long as their mean given those before is what is estimated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

MAX_BET = 0.5
"""The largest bet, `c` of the paper, which finds 1/2 and 3/4 reasonable."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a mean lies; both ends are inclusive. The interval is empty (`low` > `high`) where the values
    contradict themselves, as those of a mean that moves in time may.
    """

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


class ConfidenceSequence:
    """The running interval of the mean of values in [`low`, `high`], wrong ever with chance `alpha` at most.

    Its whole state is `sums`, so that it can be stored and go on elsewhere. Each value costs the same.
    """

    def __init__(self, low: float, high: float, *, alpha: float = 0.05) -> None:
        """Raises `ValueError` for bounds that are not finite and in order, or a chance outside (0, 1)."""
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"expected finite bounds in order, got {low} and {high}")
        if not 0 < alpha < 1:
            raise ValueError(f"expected a chance above 0 and below 1, got {alpha}")
        self._low, self._width = low, high - low
        self._log_of = math.log(2 / alpha)
        self.sums = Sums()

    @property
    def count(self) -> int:
        """How many values were taken."""
        return self.sums.count

    @property
    def mean(self) -> float:
        """The plain mean so far; the middle of the bounds before the first value."""
        return self._given(self.sums.total / self.sums.count) if self.sums.count else self._given(0.5)

    @property
    def interval(self) -> Interval:
        """Where the mean lies; the bounds before the first value.

        It is the intersection of the intervals so far, which holds as often as each of them does.
        """
        return Interval(self._given(self.sums.low), self._given(self.sums.high))

    @property
    def present(self) -> tuple[float, Interval]:
        """A mean that may move in time, and where it lies: an average so far, early values weighing more.

        Each value weighs as much as its bet. Not the intersection, which is empty once the mean has moved
        far; it holds at every moment at once all the same. The middle and the bounds before the first value.
        """
        sums = self.sums
        if not sums.count:
            return self._given(0.5), Interval(self._given(0.0), self._given(1.0))
        centre, radius = sums.won / sums.bets, (self._log_of + sums.risk) / sums.bets
        low, high = max(centre - radius, 0.0), min(centre + radius, 1.0)
        return self._given(centre), Interval(self._given(low), self._given(high))

    def update(self, value: float) -> None:
        """Take one value. Raises `ValueError`, and takes nothing, where it lies outside the bounds."""
        x = (value - self._low) / self._width
        if not -1e-9 <= x <= 1 + 1e-9:
            raise ValueError(f"expected a value in [{self._low}, {self._low + self._width}], got {value}")
        self.sums = self.sums.then(min(max(x, 0.0), 1.0), self._log_of)

    def _given(self, scaled: float) -> float:
        return self._low + self._width * scaled


@dataclass(frozen=True, slots=True)
class Sums:
    """All that a confidence sequence knows of its values, scaled to [0, 1].

    `squares` are of the distances from the running mean, `bets` and `won` the bets and the bets times
    values, `risk` the sum of v_i psi(lambda_i).
    """

    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    bets: float = 0.0
    won: float = 0.0
    risk: float = 0.0
    low: float = 0.0
    high: float = 1.0

    def then(self, x: float, log_of: float) -> Sums:
        """The sums with one value more. The bet on it is made from the values before alone."""
        n = self.count + 1
        mean_before = (0.5 + self.total) / n
        variance_before = (0.25 + self.squares) / n
        bet = min(math.sqrt(2 * log_of / (variance_before * n * math.log1p(n))), MAX_BET)
        total = self.total + x
        bets, won = self.bets + bet, self.won + bet * x
        # v_i psi(lambda_i) of the paper, 4 (x - mean)^2 times (-log(1 - bet) - bet) / 4.
        risk = self.risk + (x - mean_before) ** 2 * (-math.log1p(-bet) - bet)
        centre, radius = won / bets, (log_of + risk) / bets
        return Sums(
            n,
            total,
            self.squares + (x - (0.5 + total) / (n + 1)) ** 2,
            bets,
            won,
            risk,
            max(self.low, centre - radius),
            min(self.high, centre + radius),
        )
