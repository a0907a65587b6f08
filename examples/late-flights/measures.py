"""What the services say of themselves in the format of Prometheus, between two moments."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts by upper bound, cumulative, as Prometheus has them; `total` is the sum of what was observed."""

    counts: Mapping[float, float]
    total: float

    @classmethod
    def parse(cls, text: str, name: str, **labels: str) -> Histogram:
        """The histogram called `name`, added up over what has these `labels`; empty where nothing has."""
        counts: dict[float, float] = {}
        total = 0.0
        for family in text_string_to_metric_families(text):
            for sample in family.samples if family.name == name else ():
                if not labels.items() <= sample.labels.items():
                    continue
                if sample.name == f"{name}_bucket":
                    bound = float(sample.labels["le"])
                    counts[bound] = counts.get(bound, 0.0) + sample.value
                elif sample.name == f"{name}_sum":
                    total += sample.value
        return cls(dict(sorted(counts.items())), total)

    def since(self, before: Histogram) -> Histogram:
        """What was observed after `before` was taken."""
        counts = {bound: count - before.counts.get(bound, 0.0) for bound, count in self.counts.items()}
        return Histogram(counts, self.total - before.total)

    @property
    def count(self) -> float:
        """How many values were observed."""
        return self.counts.get(math.inf, 0.0)

    @property
    def mean(self) -> float | None:
        """Their mean, None where there are none."""
        return self.total / self.count if self.count else None

    def quantile(self, share: float) -> float | None:
        """The value that `share` of them do not exceed; None where there are none.

        It is interpolated within its bucket; past the last finite bound that bound is given.
        """
        if not self.count:
            return None
        wanted = share * self.count
        lower_bound = lower_count = 0.0
        for bound, count in self.counts.items():
            if count >= wanted and count > lower_count:
                if math.isinf(bound):
                    return lower_bound
                return lower_bound + (bound - lower_bound) * (wanted - lower_count) / (count - lower_count)
            lower_bound, lower_count = bound, count
        return lower_bound
