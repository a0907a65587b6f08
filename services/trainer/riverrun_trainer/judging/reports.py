"""The evaluation report of one session, as it goes to the parameter server."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from riverrun.core.evaluation_report import EvaluationReport, Scored, encode_report
from riverrun_trainer.learning import Learning


class Reports:
    """Puts the report together when it is asked for; what did not change is not told again."""

    def __init__(
        self, model: str, line: int, learning: Learning, head: Callable[[], int], wall_ns: Callable[[], int]
    ) -> None:
        """`head` says which version was pushed last, 0 for none."""
        self._learning = learning
        self._head = head
        self._wall_ns = wall_ns
        self._told = EvaluationReport(model=model, line=line, time_ns=0, newest=Scored(examples=0))

    def changed(self) -> bytes:
        """The report as JSON; empty where it says what it said before."""
        learning = self._learning
        newest = Scored(examples=learning.progress.examples, version=self._head(), metrics=learning.metrics())
        report = EvaluationReport(model=self._told.model, line=self._told.line, time_ns=0, newest=newest)
        if learning.judges.answers is not None and learning.joining is not None:
            learning.judges.answers.coverage = learning.joining.outcomes.coverage
        for reporter in learning.judges.reporters:
            report = reporter.told(report)
        if report == self._told:
            return b""
        self._told = report
        return encode_report(replace(report, time_ns=self._wall_ns()))
