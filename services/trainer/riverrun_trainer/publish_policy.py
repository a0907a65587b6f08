"""When a trainer publishes: a value with a question, time passed in."""

from __future__ import annotations

import math
from dataclasses import dataclass

from riverrun.core.spec import PublishSpec


@dataclass(frozen=True, slots=True)
class Unpublished:
    """What was learned since the last version was taken, at `taken_s` of the monotonic clock.

    `metric` is the one that the policy watches as it is now, `published_metric` as that version had it;
    None where the policy watches none or there is no value yet.
    """

    examples: int
    taken_s: float
    metric: float | None = None
    published_metric: float | None = None


@dataclass(frozen=True, slots=True)
class PublishPolicy:
    """Publishes as soon as one condition of its spec holds; never while nothing new was learned."""

    spec: PublishSpec

    @property
    def watched_metric(self) -> str | None:
        """The metric that `Unpublished.metric` has to hold, None for none."""
        return None if self.spec.on_metric is None else self.spec.on_metric.metric

    def should_publish(self, state: Unpublished, now_s: float) -> bool:
        """Whether a version is due at `now_s`."""
        if state.examples == 0:
            return False
        if self.spec.is_continuous:
            return True
        if self.spec.every_events is not None and state.examples >= self.spec.every_events:
            return True
        return now_s >= self.due_s(state) or self._metric_moved(state)

    def due_s(self, state: Unpublished) -> float:
        """When a version is due even if nothing more is learned; infinite for never."""
        if state.examples == 0 or self.spec.every is None:
            return math.inf
        return state.taken_s + self.spec.every

    def _metric_moved(self, state: Unpublished) -> bool:
        if self.spec.on_metric is None or state.metric is None:
            return False
        if state.published_metric is None:
            return True
        return abs(state.metric - state.published_metric) >= self.spec.on_metric.change
