"""Experiments judged as labels come: by what each arm really answered, kept with the line's versions."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from riverrun.core.evaluation_report import EvaluationReport
from riverrun.core.experiments import Experiment
from riverrun.core.joining import JoinedExample, PredictionRecord
from riverrun.core.predictions import Prediction
from riverrun.core.units import SideDelta, Unit
from riverrun.evaluation.experiments.tally import Breach, ExperimentTally
from riverrun.evaluation.loss import class_loss, number_loss
from riverrun_trainer.judging.tally_units import TallyUnits

KEPT = 2
"""Experiments of a model that labels are counted for: the newest, and the one before, whose may be late."""

MAX_EARLY = 1_000
"""Labels that wait at most for the parameter server to tell of their experiment."""

Known = Mapping[str, Sequence[Experiment]]
"""The experiments of each model, as the parameter server told of them last."""


class ArmBreach(NamedTuple):
    """An arm that a guardrail stops now."""

    experiment: str
    breach: Breach


class ExperimentJudge:
    """Scores each label for the arm that its prediction was served by; a part of the line's state.

    `known` is looked at again and again: what is started, stopped or ended counts from then on.
    """

    def __init__(self, model: str, known: Known, units: Mapping[int, Unit]) -> None:
        """`units` are those that a judge before left in the state, of its own part.

        Raises `InvalidInput` where they are none of its.
        """
        self._model = model
        self._known = known
        self._units = TallyUnits()
        self._tallies = self._units.read(units)
        self._read: Sequence[Experiment] | None = None
        self._early: deque[JoinedExample] = deque(maxlen=MAX_EARLY)

    def score(self, joined: JoinedExample, newest: Prediction | None) -> None:
        """See `Scorer.score`."""
        if joined.served is None or not joined.served.arm or not joined.origin.is_judged:
            return
        self._refresh()
        if not self._take(joined, joined.served):
            self._early.append(joined)

    def changes(self) -> SideDelta:
        """See `StatePart.changes`."""
        return self._units.changes(self._tallies)

    def breaches(self) -> list[ArmBreach]:
        """The arms that guardrails stop now."""
        self._refresh()
        return [
            ArmBreach(name, breach) for name, tally in self._tallies.items() for breach in tally.breaches()
        ]

    def told(self, report: EvaluationReport) -> EvaluationReport:
        """See `Reporter.told`."""
        self._refresh()
        return replace(report, experiments=tuple(tally.results() for tally in self._tallies.values()))

    def _refresh(self) -> None:
        experiments = self._known.get(self._model, ())
        if experiments is self._read:
            return
        self._read = experiments
        for experiment in experiments[-KEPT:]:
            tally = self._tallies.get(experiment.name)
            if tally is None:
                self._tallies[experiment.name] = ExperimentTally(experiment)
            elif tally.experiment != experiment:
                tally.use(experiment)
        by_start = sorted(self._tallies, key=lambda name: self._tallies[name].experiment.started_ns)
        for name in by_start[:-KEPT]:
            del self._tallies[name]
        early, self._early = self._early, deque(maxlen=MAX_EARLY)
        for joined in early:
            # What is unknown even now was dropped, or never was.
            if joined.served is not None:
                self._take(joined, joined.served)

    def _take(self, joined: JoinedExample, served: PredictionRecord) -> bool:
        name, _, arm = served.arm.partition("/")
        tally = self._tallies.get(name)
        if tally is None or served.key_place is None:
            return tally is not None
        scale = tally.experiment.scale
        label = joined.example.label
        loss = number_loss(float(label), served.answer, scale) if scale else class_loss(label, served.answer)
        tally.take(arm, served.key_place, loss)
        return True
