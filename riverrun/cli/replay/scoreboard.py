"""How well served predictions did: each scored by its label, before anything learned from it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from riverrun.core.predictions import Label

RECENT = 1_000
MAX_SCORES = 2_000_000
"""ROC AUC is exact over this many of the newest rows."""


class Scoreboard:
    """Prequential metrics of one task (binary, multiclass or regression); `recent` is of the last rows."""

    def __init__(self, task: str) -> None:
        self._task = task
        self._rows = 0
        self._sums = np.zeros(2)
        self._recent: deque[tuple[float, float]] = deque(maxlen=RECENT)
        self._scores: deque[tuple[float, bool]] = deque(maxlen=MAX_SCORES)

    @property
    def rows(self) -> int:
        """Rows scored."""
        return self._rows

    def add(self, label: Label, prediction: Label | None, probabilities: Mapping[str, float] | None) -> None:
        """Score one answer; None, before any class was seen, is a wrong one."""
        self._rows += 1
        if self._task == "regression":
            error = float(label) - float(prediction or 0.0)
            values = (abs(error), error * error)
        else:
            values = (float(prediction == label), 0.0)
        self._sums += values
        self._recent.append(values)
        if self._task == "binary":
            self._scores.append((_positive_share(probabilities), _is_positive(label)))

    def metrics(self) -> dict[str, float]:
        """Over all rows; empty before the first."""
        if not self._rows:
            return {}
        found = self._named(self._sums / self._rows)
        return found | self._auc(list(self._scores))

    def recent(self) -> dict[str, float]:
        """Over the last `RECENT` rows."""
        if not self._recent:
            return {}
        found = self._named(np.mean(self._recent, axis=0))
        newest = [self._scores[i] for i in range(max(0, len(self._scores) - RECENT), len(self._scores))]
        return found | self._auc(newest)

    def _named(self, means: np.ndarray) -> dict[str, float]:
        if self._task == "regression":
            return {"mae": float(means[0]), "rmse": float(np.sqrt(means[1]))}
        return {"accuracy": float(means[0])}

    def _auc(self, scores: Sequence[tuple[float, bool]]) -> dict[str, float]:
        if self._task != "binary":
            return {}
        value = roc_auc(np.array([s for s, _ in scores]), np.array([p for _, p in scores], dtype=bool))
        return {} if value is None else {"roc_auc": value}


def roc_auc(scores: np.ndarray, positive: np.ndarray) -> float | None:
    """The chance that a positive row has a higher score than a negative one, ties counting half.

    None where one of the two kinds is missing.
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    # The average rank of each group of equal scores.
    ranks = np.cumsum(counts) - (counts - 1) / 2
    above = ranks[inverse][positive].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def _is_positive(label: Label) -> bool:
    return label in (True, 1, "1", "true", "yes")


def _positive_share(probabilities: Mapping[str, float] | None) -> float:
    for name in ("true", "True", "1", "yes"):
        if probabilities and name in probabilities:
            return float(probabilities[name])
    return 0.5
