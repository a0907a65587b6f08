"""Counters of answered rows per model, looked up once per model instead of once per answer."""

from __future__ import annotations

from prometheus_client import Counter

from riverrun.runtime import metrics


class RowCounters:
    """Counts answered rows of one protocol."""

    def __init__(self, protocol: str) -> None:
        self._protocol = protocol
        self._children: dict[str, Counter] = {}

    def count(self, model: str, rows: int) -> None:
        """Count `rows` answered for `model`, which must be a model that is served."""
        child = self._children.get(model)
        if child is None:
            child = self._children[model] = metrics.PREDICTIONS.labels(model, self._protocol)
        child.inc(rows)
