"""All that judges one line, in the one place where it is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from riverrun.core.evaluation_report import EvaluationReport
from riverrun.core.parts import Part, StatePart
from riverrun.core.spec import ModelSpec
from riverrun.core.units import Unit
from riverrun_trainer.judging.scorer import Scorer
from riverrun_trainer.judging.served_scores import ServedScores


class Reporter(Protocol):
    """Whoever has something to say in the evaluation report."""

    def told(self, report: EvaluationReport) -> EvaluationReport:
        """`report` with the sections that are its own, as things stand."""


@dataclass(frozen=True, slots=True)
class Judges:
    """`scorers` hear of each example before it is learned, in this order; `parts` are committed with the
    version; `reporters` fill in the evaluation report. One object may be all three.
    """

    scorers: Sequence[Scorer] = ()
    parts: Mapping[Part, StatePart] = field(default_factory=dict)
    reporters: Sequence[Reporter] = ()


NO_JUDGES = Judges()


def judges_of(spec: ModelSpec, units: Mapping[int, Unit]) -> Judges:
    """Those that `spec` asks for, as they were when `units`, numbered as in the state, were committed.

    What a spec does not ask for costs nothing. Raises `InvalidInput` where the units are of something else.
    """
    scorers: list[Scorer] = []
    reporters: list[Reporter] = []
    if spec.joins and spec.metrics:
        served = ServedScores(spec)
        scorers.append(served)
        reporters.append(served)
    return Judges(scorers, {}, reporters)
