"""The area under the ROC curve, counted between thresholds."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from riverrun.core.predictions import Label


class RocAuc:
    """River's `metrics.ROCAUC` in another form, with the same value to the last bit.

    River keeps a confusion matrix for each threshold. Here a label is counted once, at the number of
    thresholds that its answer exceeds: updating takes one step instead of one for each threshold, and a
    version of a small model, in which the metric travels, half the time to encode.
    """

    def __init__(self, n_thresholds: int = 10) -> None:
        _thresholds(n_thresholds)
        self.n_thresholds = n_thresholds
        self.positive = [0] * (n_thresholds + 1)
        self.negative = [0] * (n_thresholds + 1)

    @property
    def requires_labels(self) -> bool:
        """It judges shares, not classes."""
        return False

    def update(self, y_true: Label, y_pred: Any) -> None:
        """Take one answer, the share of true or the probabilities, and whether it should have been true."""
        share = y_pred.get(True, 0.0) if isinstance(y_pred, dict) else y_pred
        counts = self.positive if y_true == True else self.negative  # noqa: E712  # 1 counts as true
        counts[bisect_left(_thresholds(self.n_thresholds), share)] += 1

    def get(self) -> float:
        """The area so far."""
        tpr, fpr = _rates(self.positive), _rates(self.negative)
        steps = [
            (right - left) * (high + low) / 2.0
            for (left, right), (low, high) in zip(pairwise(fpr), pairwise(tpr), strict=True)
        ]
        # By numpy, which adds in the order that River's value comes from.
        return -float(np.add.reduce(steps))


def _rates(counts: list[int]) -> list[float]:
    """The share of all answers that exceed the first threshold, the second, and so on."""
    total = sum(counts) or 1
    exceeding = list(accumulate(counts[:0:-1]))
    return [count / total for count in reversed(exceeding)]


@lru_cache
def _thresholds(count: int) -> list[float]:
    """The thresholds that River takes, ascending."""
    thresholds = [place / (count - 1) for place in range(count)]
    thresholds[0] -= 1e-7
    thresholds[-1] += 1e-7
    return thresholds
