"""Which arm of an experiment answers a request: by its key alone, the same on every process."""

from __future__ import annotations

from typing import NamedTuple

from riverrun.core.experiments import Experiment, arm_in_log
from riverrun.evaluation.experiments import ArmShare, Assignment
from riverrun.runtime import metrics


class Exposure(NamedTuple):
    """That an answer was given as an arm of an experiment.

    `arm` is how the answer names it and `logged` how its record does; `place` is the hash of the key that
    decided it.
    """

    arm: str
    logged: str
    place: int


class Arms:
    """The arms of an experiment that runs."""

    def __init__(self, model: str, experiment: Experiment) -> None:
        self.experiment = experiment
        shares = [ArmShare(arm.name, arm.share) for arm in experiment.arms]
        self._assignment = Assignment(experiment.name, shares)
        # The keys of an arm that was stopped go to nobody: those of the others stay where they are.
        self._channels = {arm.name: arm.channel for arm in experiment.arms if not arm.is_stopped}
        self._logged = {arm.name: arm_in_log(experiment.name, arm.name) for arm in experiment.arms}
        self._answers = {
            arm: metrics.EXPERIMENT_ANSWERS.labels(model, experiment.name, arm) for arm in self._channels
        }
        self._missed = metrics.EXPERIMENT_MISSED.labels(model, experiment.name)

    def of_key(self, key: str) -> tuple[str, Exposure] | None:
        """The channel that answers `key`, and as which arm; None where the key takes no part."""
        place = self._assignment.place_of(key)
        arm = self._assignment.arm_at(place)
        channel = None if arm is None else self._channels.get(arm)
        if arm is None or channel is None:
            return None
        return channel, Exposure(arm, self._logged[arm], place)

    def count(self, exposure: Exposure) -> None:
        """An answer is about to be given as this arm."""
        self._answers[exposure.arm].inc()

    def miss(self) -> None:
        """An arm has no weights here: `live` answers for it, in no arm."""
        self._missed.inc()
