"""ROC AUC of served scores: over everything, and over the newest so many."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def roc_auc(labels: ArrayLike, scores: ArrayLike) -> float | None:
    """The chance that a late flight scored above one on time, ties counting half; None without both kinds."""
    late = np.asarray(labels, dtype=bool)
    n_late = int(late.sum())
    n_on_time = late.size - n_late
    if n_late == 0 or n_on_time == 0:
        return None
    _, group, sizes = np.unique(np.asarray(scores, dtype=float), return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(sizes) - (sizes - 1) / 2
    return float((mean_ranks[group][late].sum() - n_late * (n_late + 1) / 2) / (n_late * n_on_time))


class ScoreRecord:
    """The scores that several models served for the same flights, joined with the labels as these come."""

    def __init__(self, models: Sequence[str], window: int) -> None:
        """`window` is how many of the newest labelled flights `rolling` looks at."""
        self._models = tuple(models)
        self._waiting: dict[str, tuple[float, ...]] = {}
        self._labels: list[bool] = []
        self._scores: list[tuple[float, ...]] = []
        self._recent: deque[tuple[bool, tuple[float, ...]]] = deque(maxlen=window)

    @property
    def labelled(self) -> int:
        """How many served predictions have met their label."""
        return len(self._labels)

    @property
    def waiting(self) -> int:
        """How many served predictions wait for one; those of flights that never landed wait for ever."""
        return len(self._waiting)

    def served(self, flight_id: str, scores: Sequence[float]) -> None:
        """Remember what each model answered for a flight, in the order in which the models were named."""
        self._waiting[flight_id] = tuple(scores)

    def landed(self, flight_id: str, late: bool) -> None:
        """Join a label with what was served; a flight that nothing was served for is passed over."""
        scores = self._waiting.pop(flight_id, None)
        if scores is None:
            return
        self._labels.append(late)
        self._scores.append(scores)
        self._recent.append((late, scores))

    def rolling(self) -> dict[str, float | None]:
        """AUC by model over the newest labelled flights."""
        return self._auc([late for late, _ in self._recent], [scores for _, scores in self._recent])

    def overall(self) -> dict[str, float | None]:
        """AUC by model over all labelled flights."""
        return self._auc(self._labels, self._scores)

    def _auc(self, labels: list[bool], scores: list[tuple[float, ...]]) -> dict[str, float | None]:
        columns = zip(*scores, strict=True) if scores else ((),) * len(self._models)
        return {model: roc_auc(labels, column) for model, column in zip(self._models, columns, strict=True)}
