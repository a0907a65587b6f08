"""Looks for drift in what a line's answers come to, in the order of learning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import structlog
from msgspec.structs import replace

from riverrun.core.evaluation_report import DriftReport, EvaluationReport
from riverrun.core.joining import JoinedExample
from riverrun.core.predictions import Label, Prediction
from riverrun.core.spec import ModelSpec
from riverrun.core.spec.drift import ERROR, PREDICTION, DriftSpec
from riverrun.core.spec.drift_check import BINARY, drift_declarations
from riverrun.core.units import SideDelta, Unit
from riverrun.evaluation.loss import class_loss
from riverrun.evaluation.triggers import Found
from riverrun.learners.drift_detectors import DriftDetectors
from riverrun.runtime import metrics

Value = Callable[[JoinedExample, Prediction | None], float | None]
"""What a detector is fed for one example; None for nothing."""

log = structlog.get_logger()


class DriftJudge:
    """Feeds the detectors of a spec; what they found is logged, counted and reported.

    Each example is taken once, when its label is known for good. An example that a restart learns again gives
    the same again, since the detectors go back with the weights.
    """

    def __init__(self, spec: ModelSpec, units: Mapping[int, Unit]) -> None:
        """Raises `InvalidInput` where `units` are of something else, `InvalidSpec` for arguments that River
        refuses."""
        self._spec = spec
        self._detectors = DriftDetectors(spec, units)
        declared = drift_declarations(spec)
        self._fed = [
            (drift, self._detectors.watches[drift.called], _value(spec, drift, one.fits([BINARY])))
            for drift, one in zip(spec.drift, declared, strict=True)
        ]

    def score(self, joined: JoinedExample, newest: Prediction | None) -> None:
        """See `Scorer.score`."""
        if not joined.origin.is_judged:
            return
        for drift, watch, value_of in self._fed:
            value = value_of(joined, newest)
            if value is None:
                continue
            watch.offered += 1
            if watch.offered % drift.every:
                continue
            before = watch.mean
            if watch.update(value, drift.counted, joined.time_ns, joined.event.received_ns):
                metrics.DRIFTS.labels(self._spec.name, drift.called).inc()
                log.warning(
                    "drift was found",
                    model=self._spec.name,
                    detector=drift.called,
                    on=drift.on,
                    value=watch.values,
                    mean_before=before,
                    mean_of_the_last=watch.recent,
                )

    def found(self) -> Mapping[str, Found]:
        """The newest drift of each detector that has found one."""
        return {
            name: Found(watch.last_received_ns, watch.last_ns)
            for name, watch in self._detectors.watches.items()
            if watch.found
        }

    def changes(self) -> SideDelta:
        """See `StatePart.changes`."""
        return self._detectors.changes()

    def told(self, report: EvaluationReport) -> EvaluationReport:
        """See `Reporter.told`."""
        drift = tuple(
            DriftReport(
                name=spec.called,
                on=spec.on,
                values=watch.values,
                found=watch.found,
                passed_over=watch.passed_over,
                last_value=watch.last_value,
                last_ns=watch.last_ns,
                mean=watch.mean,
                recent=watch.recent,
            )
            for spec, watch, _ in self._fed
        )
        return replace(report, drift=drift)


def _value(spec: ModelSpec, drift: DriftSpec, is_binary: bool) -> Value:
    if drift.on not in (ERROR, PREDICTION):
        return partial(_feature, drift.on)
    if drift.on == PREDICTION:
        return partial(_answered, _served if drift.of == "served" else _newest, partial(_said, spec.negative))
    judge = _wrong if is_binary else _class_error if spec.is_classifier else _number_error
    return partial(_answered, _served if drift.of == "served" else _newest, judge)


def _newest(joined: JoinedExample, newest: Prediction | None) -> Prediction | None:
    return newest


def _served(joined: JoinedExample, newest: Prediction | None) -> Prediction | None:
    return None if joined.served is None else joined.served.answer


def _answered(
    whose: Callable[[JoinedExample, Prediction | None], Prediction | None],
    number: Callable[[Label, Prediction], float | None],
    joined: JoinedExample,
    newest: Prediction | None,
) -> float | None:
    answer = whose(joined, newest)
    return None if answer is None or answer.value is None else number(joined.example.label, answer)


def _feature(name: str, joined: JoinedExample, newest: Prediction | None) -> float | None:
    value = joined.example.features.get(name)
    return float(value) if isinstance(value, (int, float)) else None


def _wrong(label: Label, answer: Prediction) -> float:
    return float(answer.value != label)


def _class_error(label: Label, answer: Prediction) -> float:
    return class_loss(label, answer)


def _number_error(label: Label, answer: Prediction) -> float:
    return abs(float(answer.value or 0.0) - float(label))


def _said(negative: Label | None, label: Label, answer: Prediction) -> float | None:
    """A number; of two classes the share of the positive one, of more that of the likeliest."""
    shares = answer.probabilities
    if shares is None:
        return float(answer.value) if isinstance(answer.value, (int, float)) else None
    if negative is not None:
        return 1.0 - shares.get(negative, 0.0)
    return max(shares.values(), default=None)
