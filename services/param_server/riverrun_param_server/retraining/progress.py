"""How far retrains are, as the processes that run them reported last; kept in memory alone."""

from __future__ import annotations

from dataclasses import replace

from riverrun.core.retraining import Retrain, RetrainProgress, RetrainState
from riverrun.runtime.clock import Clock

FRESH_S = 30.0
"""A report that is older says nothing of now: no process runs the retrain, as far as is known."""


class Reports:
    """The newest report of each model's retrain, with when it came on the monotonic clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._newest: dict[str, tuple[int, float, RetrainProgress]] = {}

    def take(self, model: str, line: int, progress: RetrainProgress) -> None:
        """Take in a report."""
        self._newest[model] = (line, self._clock.monotonic(), progress)

    def onto(self, retrain: Retrain) -> Retrain:
        """`retrain` with its progress, where it is under way and was reported of lately."""
        line, at_s, progress = self._newest.get(retrain.model, (0, 0.0, None))
        fresh = line == retrain.line and self._clock.monotonic() - at_s <= FRESH_S
        if retrain.state is not RetrainState.RUNNING or not fresh:
            return retrain
        return replace(retrain, progress=progress)
