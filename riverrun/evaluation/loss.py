"""How wrong one answer is, from 0 to 1, so that answers of any model can be compared with certainty.

For classes it is the Brier score (Brier, "Verification of forecasts expressed in terms of probability",
1950), halved for more than two classes so that it stays within 1; a strictly proper score: the best
answer is the true chance. For numbers it is the error as a share of itself and `scale`.
"""

from __future__ import annotations

import math

from riverrun.core.predictions import Label, Prediction


def class_loss(label: Label, prediction: Prediction) -> float:
    """The loss of a class or of shares; 1 for no answer at all.

    A class that is not among the shares counts as one of no share.
    """
    shares = prediction.probabilities
    if not shares:
        return 0.0 if prediction.value is not None and prediction.value == label else 1.0
    square = (1.0 - shares.get(label, 0.0)) ** 2
    square += sum(share * share for name, share in shares.items() if name != label)
    return min(square / 2, 1.0)


def number_loss(label: float, prediction: Prediction, scale: float) -> float:
    """The loss of a number: |error| / (|error| + scale), 1/2 where the error is `scale`; 1 for no number."""
    value = prediction.value
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return 1.0
    error = abs(value - label)
    return error / (error + scale) if error + scale > 0 else 0.0


class Loss:
    """The loss of any answer of one task: of numbers by how far labels lie from their mean, so far."""

    def __init__(self, *, is_classifier: bool) -> None:
        self._is_classifier = is_classifier
        self._count = 0
        self._mean = self._distance = 0.0

    @property
    def scale(self) -> float:
        """The mean distance of labels from their mean, as it was when each came; 1 before there is any."""
        return self._distance or 1.0

    def see(self, label: Label) -> None:
        """Take in a label; before its answers are judged."""
        if self._is_classifier or not isinstance(label, (int, float)):
            return
        self._count += 1
        self._mean += (label - self._mean) / self._count
        self._distance += (abs(label - self._mean) - self._distance) / self._count

    def of(self, label: Label, prediction: Prediction) -> float:
        """In [0, 1]."""
        if self._is_classifier:
            return class_loss(label, prediction)
        return number_loss(float(label), prediction, self.scale)
