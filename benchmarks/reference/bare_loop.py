"""The bare River loop in one process: predict, update the metrics, learn; no log, no versions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from river import metrics

from benchmarks.workload import Row


def events_per_second(model: Any, rows: Sequence[Row]) -> float:
    """How many of `rows` a second the loop learns."""
    scores = metrics.ROCAUC() + metrics.LogLoss()
    start = time.perf_counter()
    for features, label in rows:
        answer = model.predict_proba_one(features)
        scores.update(label, answer)
        model.learn_one(features, label)
    return len(rows) / (time.perf_counter() - start)
