"""Whether what live answers calls for a rollback, and whether the newest weights would do better."""

from __future__ import annotations

from riverrun.core.predictions import Label, Prediction
from riverrun.core.spec import ModelSpec, RollbackSpec
from riverrun.evaluation.gate.bound import Bound, BoundWatch
from riverrun.learners.build import build_metrics


class RollbackWatch:
    """Watches what was answered, and beside it what the newest weights would have answered."""

    def __init__(self, spec: ModelSpec, rollback: RollbackSpec) -> None:
        self.bound = Bound(rollback.is_breached_by, rollback.over, rollback.windows)
        self._rollback = rollback
        self._live = BoundWatch(self.bound, rollback.metric, lambda: build_metrics(spec))
        self._newest = BoundWatch(self.bound, rollback.metric, lambda: build_metrics(spec))

    @property
    def value(self) -> float | None:
        """The metric of live in its last whole window; None before, and where it was not defined."""
        return self._live.value

    @property
    def is_breached(self) -> bool:
        """Whether live was beyond the bound in as many windows on end as make a case."""
        return self._live.is_breached

    def update(self, label: Label, live: Prediction, newest: Prediction) -> bool:
        """Take what both answered for one example; whether a window of live ended."""
        self._newest.update(label, newest)
        return self._live.update(label, live)

    def is_kept_by_newest(self, *, for_long: bool) -> bool:
        """Whether the newest weights kept the bound in the last window, or in as many on end as make a case
        where it is to be `for_long`. So they do before the first window ends.
        """
        newest = self._newest
        if newest.value is None:
            return True
        return not self.bound.is_breached_by(newest.value) and (not for_long or newest.is_kept)

    def start_anew(self) -> None:
        """Forget the windows so far: something else answers from now on."""
        self._live.start_anew()
        self._newest.start_anew()

    def reason(self) -> str:
        """In words, by how much live is beyond it."""
        return f"{self._rollback.metric} was {self.value:.4g}, {self._rollback.describe()}"
