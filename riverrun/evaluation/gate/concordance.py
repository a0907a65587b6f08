"""Whether labels agree with a model's answers at all: of two examples, does it tell which label is whose?

Two examples with different labels agree with the model where it gives each its own label rather than the
other's; for numbers, where the larger answer has the larger label (Kendall's tau; for two classes the share
of pairs that agree is the area under the ROC curve). A change of the base rate, of calibration, or of how
hard examples are moves none of it, while labels that were exchanged turn it round. Both directions are
watched by an e-detector, the e-CUSUM of Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric framework
for sequential change detection" (New England Journal of Statistics in Data Science 2, 2024), mixed over
some bets: however long one looks, it takes 1 / `level` pairs or more on average until one that is not so
crosses `1 / level`.
"""

from __future__ import annotations

from collections.abc import Sequence

from riverrun.core.predictions import Label, Prediction

BETS = (0.1, 0.3, 0.6, 0.9)
MOST = 1e12
"""Evidence is not counted beyond this."""


class Detector:
    """The evidence, since some moment, that the mean of values in [-1, 1] is above 0."""

    def __init__(self) -> None:
        self._values = [1.0] * len(BETS)
        self._since = [0] * len(BETS)

    @classmethod
    def of(cls, values: Sequence[float], since: Sequence[int]) -> Detector:
        """The detector that goes on from what `state` gave; from nothing where both are empty."""
        detector = cls()
        if values:
            detector._values, detector._since = list(values), list(since)
        return detector

    @property
    def state(self) -> tuple[list[float], list[int]]:
        """All that it knows."""
        return self._values, self._since

    @property
    def evidence(self) -> float:
        """At least `x` with a chance of 1 / `x`, at any one moment, where the mean is 0 or below."""
        return sum(self._values) / len(BETS)

    @property
    def since(self) -> int:
        """When that began which there is most evidence for."""
        return self._since[max(range(len(BETS)), key=self._values.__getitem__)]

    def update(self, value: float, now: int) -> None:
        """Take one value, which came at the moment `now`."""
        for i, bet in enumerate(BETS):
            if self._values[i] <= 1.0:
                self._values[i], self._since[i] = 1.0, now
            self._values[i] = min(self._values[i] * (1.0 + bet * value), MOST)


class Concordance:
    """Pairs examples as they come, each used once."""

    def __init__(self) -> None:
        self.agreement = Detector()
        self.contradiction = Detector()
        self.agreeing = self.pairs = 0
        self._waiting: dict[Label, tuple[Label, Prediction]] = {}

    def update(self, label: Label, prediction: Prediction, now: int) -> None:
        """Take an example's label and what was answered; `now` counts examples."""
        is_number = prediction.probabilities is None and isinstance(prediction.value, (int, float))
        key = 0.0 if is_number and not isinstance(prediction.value, bool) else label
        other = next((name for name in self._waiting if is_number or name != label), None)
        if other is None:
            self._waiting[key] = (label, prediction)
            return
        sign = _sign(self._waiting.pop(other), (label, prediction), is_number=is_number)
        if sign:
            self.pairs += 1
            self.agreeing += sign > 0
            self.agreement.update(sign, now)
            self.contradiction.update(-sign, now)


def _sign(one: tuple[Label, Prediction], two: tuple[Label, Prediction], *, is_number: bool) -> int:
    """1 where the pair agrees, -1 where it contradicts, 0 where there is nothing to tell."""
    (label, prediction), (other, another) = one, two
    if is_number:
        first = _number(prediction.value) - _number(another.value)
        second = _number(label) - _number(other)
        return _of(first) * _of(second)
    own = _share(prediction, label) + _share(another, other)
    return _of(own - _share(prediction, other) - _share(another, label))


def _share(prediction: Prediction, label: Label) -> float:
    if prediction.probabilities is None:
        return 1.0 if prediction.value == label else 0.0
    return prediction.probabilities.get(label, 0.0)


def _number(value: Label | None) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _of(number: float) -> int:
    return (number > 0) - (number < 0)
