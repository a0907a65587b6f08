"""All that judges one line, in the one place where it is chosen."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from riverrun.core.evaluation_report import EvaluationReport
from riverrun.core.parts import Part, StatePart, units_of
from riverrun.core.spec import ModelSpec
from riverrun.core.units import NO_UNITS, Unit
from riverrun_trainer.judging.answer_judge import AnswerJudge
from riverrun_trainer.judging.drift_judge import DriftJudge
from riverrun_trainer.judging.experiment_judge import ExperimentJudge
from riverrun_trainer.judging.guardrail_watch import GuardrailWatch
from riverrun_trainer.judging.holdout_judge import HoldoutJudge
from riverrun_trainer.judging.scorer import Scorer
from riverrun_trainer.judging.source_cap import SourceCap
from riverrun_trainer.judging.static_gate import StaticGate
from riverrun_trainer.judging.trigger_judge import TriggerJudge
from riverrun_trainer.judging.version_gate import VersionGate
from riverrun_trainer.line_context import Surroundings


class Reporter(Protocol):
    """Whoever has something to say in the evaluation report."""

    def told(self, report: EvaluationReport) -> EvaluationReport:
        """`report` with the sections that are its own, as things stand."""


@dataclass(frozen=True, slots=True)
class Judges:
    """`scorers` hear of each example before it is learned, in this order; `parts` are committed with the
    version; `reporters` fill in the evaluation report. One object may be all three. `beside` runs for as long
    as the session does; what it raises ends that. `triggers` say when a retrain is due, None where the spec
    has none. `bounds` and `gate` say which versions may answer; `gate` is None where the spec asks for none,
    and for retrains, which answer nobody. `holdout` keeps examples from being learned, where there is one;
    `answers` judges what was answered, where anything is told of that. `sources` bounds what one source may
    add, where the spec says so.
    """

    scorers: Sequence[Scorer] = ()
    parts: Mapping[Part, StatePart] = field(default_factory=dict)
    reporters: Sequence[Reporter] = ()
    beside: Sequence[Callable[[], Coroutine[Any, Any, None]]] = ()
    triggers: TriggerJudge | None = None
    bounds: StaticGate | None = None
    gate: VersionGate | None = None
    holdout: HoldoutJudge | None = None
    answers: AnswerJudge | None = None
    sources: SourceCap | None = None


NO_JUDGES = Judges()


def judges_of(
    spec: ModelSpec, units: Mapping[int, Unit], around: Surroundings, serving: Mapping[int, Unit] = NO_UNITS
) -> Judges:
    """Those that `spec` asks for, as they were when `units`, numbered as in the state, were committed.

    `serving` is the serving side of the version that the line goes on from, empty for a fresh one.

    What a spec does not ask for costs nothing. Raises `InvalidInput` where the units are of something else.
    """
    scorers: list[Scorer] = []
    parts: dict[Part, StatePart] = {}
    reporters: list[Reporter] = []
    beside: list[Callable[[], Coroutine[Any, Any, None]]] = []
    answers = None
    told = spec.evaluation
    if spec.joins or spec.slices or told.calibration or told.distributions:
        answers = parts[Part.EVALUATION] = AnswerJudge(spec, units_of(Part.EVALUATION, units))
        scorers.append(answers)
        reporters.append(answers)
    if spec.joins:
        arms = ExperimentJudge(spec.name, around.experiments, units_of(Part.EXPERIMENT, units))
        scorers.append(arms)
        parts[Part.EXPERIMENT] = arms
        reporters.append(arms)
        if around.arms is not None:
            beside.append(GuardrailWatch(spec.name, arms, around.arms).run)
    drift = triggers = None
    if spec.drift:
        drift = parts[Part.DRIFT] = DriftJudge(spec, units_of(Part.DRIFT, units))
        scorers.append(drift)
        reporters.append(drift)
    if spec.retrain.when:
        drifts = dict if drift is None else drift.found
        triggers = TriggerJudge(spec.retrain.when, drifts, units_of(Part.TRIGGERS, units))
        parts[Part.TRIGGERS] = triggers
        scorers.append(triggers)
    bounds = StaticGate(spec, serving)
    if bounds.scores:
        scorers.append(bounds)
    holdout = None
    if spec.holdout.share:
        holdout = parts[Part.HOLDOUT] = HoldoutJudge(spec, units_of(Part.HOLDOUT, units))
        reporters.append(holdout)
    sources = None
    if spec.sources is not None:
        sources = parts[Part.SOURCES] = SourceCap(spec.sources, spec.name, units_of(Part.SOURCES, units))
    asked = spec.gate.mode != "off" or spec.gate.rollback is not None
    gate = VersionGate(spec, holdout) if asked and around.course is None else None
    if gate is not None:
        scorers.append(gate)
        reporters.append(gate)
    return Judges(scorers, parts, reporters, beside, triggers, bounds, gate, holdout, answers, sources)
