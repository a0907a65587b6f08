"""How well the answers did that callers really got: progressive validation with late labels.

Each answer is judged once, when its label comes, by what was served and not by what the weights have learned
since: Blum, Kalai and Langford, "Beating the hold-out: bounds for k-fold and progressive cross-validation",
COLT 1999; with late labels as in Grzenda, Gomes and Bifet, "Delayed labelling evaluation for data streams",
Data Mining and Knowledge Discovery 34, 2020.
"""

from __future__ import annotations

from msgspec.structs import replace

from riverrun.core.evaluation_report import EvaluationReport, Scored
from riverrun.core.joining import JoinedExample
from riverrun.core.predictions import Prediction
from riverrun.core.spec import ModelSpec
from riverrun.learners.build import build_metrics


class ServedScores:
    """The spec's metrics over served answers."""

    def __init__(self, spec: ModelSpec) -> None:
        self._metrics = build_metrics(spec)
        self._examples = 0
        self._version = 0

    def score(self, joined: JoinedExample, newest: Prediction | None) -> None:
        """See `Scorer.score`."""
        served = joined.served
        if served is None or not joined.origin.is_judged:
            return
        self._metrics.score(joined.example.label, served.answer)
        self._examples += 1
        self._version = max(self._version, served.version)

    def told(self, report: EvaluationReport) -> EvaluationReport:
        """See `Reporter.told`."""
        scored = Scored(examples=self._examples, version=self._version, metrics=self._metrics.values())
        return replace(report, served=scored)
