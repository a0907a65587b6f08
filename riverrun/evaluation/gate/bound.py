"""Whether a metric of what is answered stays within its bound, window by window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from riverrun.core.predictions import Label, Prediction
from riverrun.evaluation.prequential import Prequential


@dataclass(frozen=True, slots=True)
class Bound:
    """When a window of `over` examples is beyond the bound, and how many `windows` on end make a case."""

    is_breached_by: Callable[[float], bool]
    over: int
    windows: int


class BoundWatch:
    """Watches one stream of answers.

    The same number of windows on end leads in and out again (hysteresis).
    """

    def __init__(self, bound: Bound, metric: str, make: Callable[[], Prequential]) -> None:
        """`make` gives fresh metrics, `metric` among them."""
        self._bound = bound
        self._metric = metric
        self._make = make
        self._metrics = make()
        self._count = 0
        self._beyond = self._within = 0
        self.value: float | None = None
        """The metric of the last whole window; None before, and where it was not defined."""

    @property
    def is_breached(self) -> bool:
        """Whether as many windows on end as make a case were beyond the bound."""
        return self._beyond >= self._bound.windows

    @property
    def is_kept(self) -> bool:
        """Whether as many on end were within it."""
        return self._within >= self._bound.windows

    def update(self, label: Label, answer: Prediction) -> bool:
        """Take one answer; whether it ended a window."""
        self._metrics.score(label, answer)
        self._count += 1
        if self._count < self._bound.over:
            return False
        self.value = self._metrics.values().get(self._metric)
        self._metrics, self._count = self._make(), 0
        if self.value is None:
            # Such as the area under the curve where all labels were the same: it says nothing either way.
            return True
        breached = self._bound.is_breached_by(self.value)
        self._beyond = self._beyond + 1 if breached else 0
        self._within = 0 if breached else self._within + 1
        return True

    def start_anew(self) -> None:
        """Forget the windows so far: something else answers from now on."""
        self._metrics, self._count = self._make(), 0
        self._beyond = self._within = 0
