"""How far retrains are, as the processes that run them reported last; kept in memory alone."""

from __future__ import annotations

from dataclasses import replace

from riverrun.core.retraining import Retrain, RetrainProgress, RetrainState
from riverrun.runtime.clock import Clock

FRESH_S = 30.0
"""A report that is older says nothing of now: no process runs the retrain, as far as is known."""


class Reports:
    """The newest report of each model's retrain, with whose it was, and when on the monotonic clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._newest: dict[str, tuple[int, int, float, RetrainProgress]] = {}

    def take(self, model: str, line: int, epoch: int, progress: RetrainProgress) -> None:
        """Take in a report of whoever trains the line as `epoch`."""
        self._newest[model] = (line, epoch, self._clock.monotonic(), progress)

    def onto(self, retrain: Retrain, epoch: int) -> Retrain:
        """`retrain` with its progress, where it is under way and whoever trains it (`epoch`) told lately."""
        line, of_epoch, at_s, progress = self._newest.get(retrain.model, (0, 0, 0.0, None))
        fresh = (line, of_epoch) == (retrain.line, epoch) and self._clock.monotonic() - at_s <= FRESH_S
        if retrain.state is not RetrainState.RUNNING or not fresh:
            return retrain
        return replace(retrain, progress=progress)
