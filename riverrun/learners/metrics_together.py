"""River's metrics updated with many answers at once, exactly as they would be one by one."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from typing import Any

from river import metrics

from riverrun.evaluation.prequential import Judged, Together, one_by_one


def update_roc(metric: metrics.ROCAUC, judged: Judged) -> None:
    """Update the confusion matrix of each threshold once for all answers between the same two thresholds."""
    thresholds, positive = metric.thresholds, metric.pos_val
    places: Counter[tuple[bool, int]] = Counter()
    try:
        for label, answer in judged:
            share = answer.get(True, 0.0) if isinstance(answer, dict) else answer
            places[label == positive, bisect_left(thresholds, share)] += 1
    except TypeError:
        one_by_one(metric, judged)
        return
    # In the order of their first answers, so that the matrices get their cells in the same order too.
    for (is_positive, exceeded), count in places.items():
        for place, matrix in enumerate(metric.cms):
            matrix.update(is_positive, place < exceeded, float(count))
            # Counted once by the update, whatever its weight.
            matrix.n_samples += count - 1


TOGETHER: Mapping[type[Any], Together] = {metrics.ROCAUC: update_roc}
"""The ways of updating that `Prequential.score_all` takes, by the metric's class."""
