"""An experiment's results as labels come in: each key counts once, and people may look at any time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from riverrun.core.experiment_results import ArmResult, Compared, ExperimentResults, Point
from riverrun.core.experiments import Experiment, Guardrail, Judged
from riverrun.evaluation.confidence_sequence import ConfidenceSequence, Sums
from riverrun.evaluation.experiments.effect import Effect
from riverrun.evaluation.experiments.sample_ratio import SampleRatio

MAX_KEYS = 100_000
"""Keys that are remembered, so that each counts once; with more the intervals are narrow enough."""

MAX_POINTS = 48
PATH_STEP = 1.25
"""A point of the path for each quarter more keys: as many early as late, and few in all."""


class Breach(NamedTuple):
    """A guardrail that was broken: the arm to stop, and why."""

    arm: str
    reason: str


class ArmSums(msgspec.Struct):
    """All that is known of one arm; `effect` and `effect_losses` are of the comparison with the control."""

    answers: int = 0
    losses: float = 0.0
    keys: int = 0
    sums: Sums = Sums()
    effect: Sums = Sums()
    effect_losses: float = 0.0


@dataclass(slots=True)
class _Arm:
    answers: int
    losses: float
    keys: int
    loss: ConfidenceSequence
    effect: Effect | None


class ExperimentTally:
    """The results of one experiment.

    Only the first answer of each key counts for the intervals: what one key gives is not independent, and an
    interval that took it for that would be too narrow. `paths` are by arm; `keys` are in the order in which
    they came.
    """

    def __init__(
        self,
        experiment: Experiment,
        arms: Mapping[str, ArmSums] | None = None,
        paths: Mapping[str, Iterable[Point]] | None = None,
        keys: Iterable[int] = (),
        ratio_doubt: float = 0.0,
    ) -> None:
        """The rest is what a tally before had come to: `arms_sums`, `paths`, `keys` and `ratio_doubt`."""
        self.experiment = experiment
        self.keys = list(keys)
        self._seen = set(self.keys)
        self.paths: dict[str, list[Point]] = {name: list(path) for name, path in (paths or {}).items()}
        self._arms = {
            arm.name: self._restored(arm.name, (arms or {}).get(arm.name)) for arm in experiment.arms
        }
        self._ratio = self._ratio_of(ratio_doubt)

    @property
    def arms_sums(self) -> dict[str, ArmSums]:
        """What is known of each arm, to go on from elsewhere."""
        return {
            name: ArmSums(
                arm.answers,
                arm.losses,
                arm.keys,
                arm.loss.sums,
                Sums() if arm.effect is None else arm.effect.sequence.sums,
                0.0 if arm.effect is None else arm.effect.score_sum,
            )
            for name, arm in self._arms.items()
        }

    @property
    def ratio_doubt(self) -> float:
        """How much the shares were doubted at most."""
        return self._ratio.doubt

    def use(self, experiment: Experiment) -> None:
        """Go by a newer state of the same experiment: an arm was stopped, or it has ended."""
        stopped = {arm.name for arm in self.experiment.arms if arm.is_stopped}
        self.experiment = experiment
        if stopped != {arm.name for arm in experiment.arms if arm.is_stopped}:
            self._ratio = self._ratio_of(self._ratio.doubt)

    def take(self, arm_name: str, place: int, loss: float) -> None:
        """Take the loss, in [0, 1], of an answer that an arm gave to the key at `place`."""
        arm = self._arms.get(arm_name)
        if arm is None:
            return
        arm.answers += 1
        arm.losses += loss
        if place in self._seen or len(self.keys) >= MAX_KEYS:
            return
        self._seen.add(place)
        self.keys.append(place)
        arm.keys += 1
        arm.loss.update(loss)
        if arm_name in self._ratio.counts:
            self._ratio.update(arm_name)
        compared = [arm_name] if arm.effect is not None else [n for n, a in self._arms.items() if a.effect]
        for name in compared:
            self._compare(name, arm_name, loss)

    def breaches(self) -> list[Breach]:
        """The arms that a guardrail stops now; none once the experiment has ended."""
        if not self.experiment.is_running:
            return []
        found: dict[str, Breach] = {}
        for arm in self.experiment.arms:
            for guardrail in self.experiment.guardrails:
                if not arm.is_stopped and self._applies(guardrail, arm.name):
                    low = self._surely_above(guardrail.judged, arm.name)
                    if low > guardrail.above:
                        reason = f"{guardrail.judged} is surely above {guardrail.above:g}: {low:.4f} at least"
                        found.setdefault(arm.name, Breach(arm.name, reason))
        return list(found.values())

    def results(self) -> ExperimentResults:
        """What it has come to."""
        return ExperimentResults(
            name=self.experiment.name,
            arms=tuple(self._result(arm.name) for arm in self.experiment.arms),
            ratio_p=self._ratio.p_value,
            mismatch=self._ratio.mismatch,
            is_full=len(self.keys) >= MAX_KEYS,
        )

    def _compare(self, name: str, arm_name: str, loss: float) -> None:
        effect = self._arms[name].effect
        assert effect is not None
        effect.update(arm_name, loss)
        path = self.paths.setdefault(name, [])
        if len(path) < MAX_POINTS and (not path or effect.sequence.count >= path[-1][0] * PATH_STEP):
            path.append(self._point(effect))

    def _applies(self, guardrail: Guardrail, arm: str) -> bool:
        return guardrail.arm == arm if guardrail.arm else arm != self.experiment.control.name

    def _surely_above(self, judged: Judged, name: str) -> float:
        arm = self._arms[name]
        if judged is Judged.LOSS:
            return arm.loss.present[1].low
        return -1.0 if arm.effect is None else arm.effect.present.interval.low

    def _result(self, name: str) -> ArmResult:
        arm = self._arms[name]
        return ArmResult(
            arm=name,
            answers=arm.answers,
            keys=arm.keys,
            loss=arm.losses / arm.answers if arm.answers else None,
            against_control=None if arm.effect is None else self._compared(name, arm.effect),
        )

    def _compared(self, name: str, effect: Effect) -> Compared:
        count, difference, low, high = self._point(effect)
        path = self.paths.get(name, [])
        newest = [] if path and path[-1][0] == count else [(count, difference, low, high)]
        return Compared(difference=difference, low=low, high=high, path=(*path, *newest))

    @staticmethod
    def _point(effect: Effect) -> Point:
        standing = effect.present
        return standing.count, standing.difference, standing.interval.low, standing.interval.high

    def _ratio_of(self, doubt: float) -> SampleRatio:
        """Of the arms that answer: among those alone the shares hold, before and after another stops."""
        running = [arm for arm in self.experiment.arms if not arm.is_stopped]
        if len(running) < 2:
            running = list(self.experiment.arms)
        counts = {arm.name: self._arms[arm.name].keys for arm in running}
        return SampleRatio({arm.name: arm.share for arm in running}, counts=counts, doubt=doubt)

    def _restored(self, name: str, sums: ArmSums | None) -> _Arm:
        experiment, sums = self.experiment, sums or ArmSums()
        loss = ConfidenceSequence(0.0, 1.0, alpha=experiment.alpha)
        loss.sums = sums.sums
        effect = None
        control = experiment.control
        if name != control.name:
            arm = experiment.arm(name)
            assert arm is not None
            share = arm.share / (arm.share + control.share)
            effect = Effect(control.name, name, share=share, alpha=experiment.alpha)
            effect.sequence.sums, effect.score_sum = sums.effect, sums.effect_losses
        return _Arm(sums.answers, sums.losses, sums.keys, loss, effect)
