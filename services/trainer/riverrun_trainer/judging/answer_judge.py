"""How well answers do: what callers really got, by slices, calibration, distributions and delay.

Served answers are judged when their labels come, which is progressive validation (Blum, Kalai and Langford,
"Beating the hold-out: bounds for k-fold and progressive cross-validation", COLT 1999) with late labels
(Grzenda, Gomes and Bifet, "Delayed labelling evaluation for data streams", Data Mining and Knowledge
Discovery 34, 2020).

Its state is taken each `TAKEN_EVERY` judged examples and goes with the next version: at other versions it
costs nothing. What was judged after that, and is in a version, is not judged again after a crash; a stop
takes it along.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import structs

from riverrun.core.errors import InvalidInput
from riverrun.core.evaluation_report import (
    CalibrationBin,
    CalibrationReport,
    DistributionReport,
    EvaluationReport,
    LabelsReport,
    Scored,
    SliceReport,
)
from riverrun.core.joining import JoinedExample
from riverrun.core.predictions import Label, Prediction
from riverrun.core.spec import ModelSpec
from riverrun.core.units import SideDelta, Unit
from riverrun.evaluation.calibration import Calibration, CalibrationCounts
from riverrun.evaluation.delays import Delays
from riverrun.evaluation.distributions import Distribution, Windows
from riverrun.evaluation.loss import Loss
from riverrun.evaluation.slices import SliceState, Slicing
from riverrun.learners.build import build_metrics
from riverrun.learners.metric_units import MetricUnits
from riverrun.runtime import metrics

TAKEN_EVERY = 256
TOLD_SLICES = 200
"""Slices of a report, the worse ones first."""

WATCHED = 32
"""Features whose distribution is watched, in the order of the spec, or as they come."""


class _Tallies(msgspec.Struct):
    """All counts but those of metrics."""

    examples: int = 0
    version: int = 0
    delays: Delays = msgspec.field(default_factory=Delays)
    calibration: CalibrationCounts | None = None
    slices: dict[str, dict[str, SliceState]] = {}
    distributions: dict[str, Windows] = {}


class AnswerJudge:
    """Judges served answers; where labels come with their features, those of the newest weights."""

    def __init__(self, spec: ModelSpec, units: Mapping[int, Unit]) -> None:
        """Goes on from `units`. Raises `InvalidInput` where they are of something else."""
        self._spec = spec
        self._loss = Loss(is_classifier=spec.is_classifier)
        self._served = MetricUnits(build_metrics(spec))
        self._tallies = _Tallies()
        if units:
            self._restore(units)
        tallies = self._tallies
        self._slicings = {
            one.feature: Slicing(one.edges, one.values, tallies.slices.setdefault(one.feature, {}))
            for one in spec.slices
        }
        told = spec.evaluation
        if told.calibration and tallies.calibration is None:
            tallies.calibration = CalibrationCounts()
        calibrates = told.calibration and spec.is_classifier
        self._calibration = Calibration(tallies.calibration) if calibrates else None
        self._distributions: dict[str, Distribution] = {}
        self._judged = tallies.examples
        self._taken: SideDelta | None = None
        self.coverage: float | None = None

    def score(self, joined: JoinedExample, newest: Prediction | None) -> None:
        """See `Scorer.score`."""
        if not joined.origin.is_judged:
            return
        label, served, tallies = joined.example.label, joined.served, self._tallies
        answer = newest
        if served is not None:
            answer = served.answer
            self._served.prequential.score(label, answer)
            tallies.version = max(tallies.version, served.version)
            tallies.delays.count((joined.time_ns - served.time_ns) / 1e9)
        if answer is None or (served is None and self._spec.joins):
            return
        tallies.examples += 1
        if self._slicings:
            self._loss.see(label)
            loss = self._loss.of(label, answer)
            for feature, slicing in self._slicings.items():
                slicing.update(joined.example.features.get(feature), loss)
        if self._calibration is not None:
            share, came_true = _positive(answer, label)
            self._calibration.update(min(max(share, 0.0), 1.0), came_true)
        if self._spec.evaluation.distributions:
            self._watch(joined, answer)
        if tallies.examples % TAKEN_EVERY == 0:
            self._take()

    def changes(self) -> SideDelta:
        """See `StatePart.changes`."""
        taken, self._taken = self._taken, None
        return taken or SideDelta()

    def take_all(self) -> None:
        """Have the next version hold all that was judged: it is the last for now."""
        if self._tallies.examples % TAKEN_EVERY:
            self._take()

    def told(self, report: EvaluationReport) -> EvaluationReport:
        """See `Reporter.told`."""
        tallies, model = self._tallies, self._spec.name
        served = labels = None
        if self._spec.joins:
            values = self._served.prequential.values()
            served = Scored(examples=tallies.examples, version=tallies.version, metrics=values)
            labels = self._labels(tallies.delays)
            for name, value in values.items():
                metrics.SERVED_METRIC.labels(model, name).set(value)
        return structs.replace(
            report,
            served=served,
            labels=labels,
            slices=self._slices(),
            calibration=self._calibrated(),
            distributions=self._shifts(),
        )

    def _watch(self, joined: JoinedExample, answer: Prediction) -> None:
        features = joined.example.features
        for name in self._spec.features or features:
            self._distribution(name).update(features.get(name))
        if answer.probabilities is not None:
            self._distribution("").update(_positive(answer, joined.example.label)[0])
        else:
            self._distribution("").update(answer.value)

    def _distribution(self, name: str) -> Distribution:
        found = self._distributions.get(name)
        if found is None:
            kept = self._tallies.distributions
            if len(kept) > WATCHED and name and name not in kept:
                return Distribution(self._spec.evaluation.window)
            windows = kept.setdefault(name, Windows())
            found = self._distributions[name] = Distribution(self._spec.evaluation.window, windows)
        return found

    def _take(self) -> None:
        delta, _ = self._served.changes()
        changed = {**delta.changed, 0: msgspec.msgpack.encode(self._tallies)}
        taken = SideDelta(changed, delta.dropped)
        self._taken = taken if self._taken is None else self._taken.then(taken)

    def _restore(self, units: Mapping[int, Unit]) -> None:
        try:
            self._tallies = msgspec.msgpack.decode(units[0], type=_Tallies)
        except (msgspec.MsgspecError, KeyError) as error:
            raise InvalidInput("state", "expected the counts of an evaluation") from error
        graph = {number: unit for number, unit in units.items() if number % 2}
        self._served.restored(graph, max(graph, default=0) + 1)

    def _labels(self, delays: Delays) -> LabelsReport:
        quantiles = {share: delays.quantile(share) for share in (0.5, 0.9, 0.99)}
        for share, seconds in quantiles.items():
            metrics.LABEL_DELAY.labels(self._spec.name, str(share)).set(seconds)
        if self.coverage is not None:
            metrics.LABEL_COVERAGE.labels(self._spec.name).set(self.coverage)
        return LabelsReport(
            joined=sum(delays.counts),
            delay_p50=quantiles[0.5],
            delay_p90=quantiles[0.9],
            delay_p99=quantiles[0.99],
            coverage=self.coverage,
        )

    def _slices(self) -> tuple[SliceReport, ...]:
        found = [
            SliceReport(
                feature=feature,
                value=value,
                examples=state.examples,
                loss=round(state.loss, 6),
                recent_loss=round(state.recent, 6),
                usual_loss=round(state.usual, 6),
                worse=state.is_worse,
            )
            for feature, slicing in self._slicings.items()
            for value, state in slicing.slices.items()
        ]
        for one in found:
            labels = (self._spec.name, one.feature, one.value)
            metrics.SLICE_LOSS.labels(*labels).set(one.recent_loss)
            metrics.SLICE_WORSE.labels(*labels).set(one.worse)
        found.sort(key=lambda one: (not one.worse, -one.examples))
        return tuple(found[:TOLD_SLICES])

    def _calibrated(self) -> CalibrationReport | None:
        if self._calibration is None:
            return None
        metrics.CALIBRATION_ERROR.labels(self._spec.name).set(self._calibration.error)
        bins = tuple(
            CalibrationBin(answers=one.answers, answered=one.answered, came_true=one.came_true)
            for one in self._calibration.bins
        )
        return CalibrationReport(error=self._calibration.error, bins=bins)

    def _shifts(self) -> tuple[DistributionReport, ...]:
        for name, one in self._distributions.items():
            metrics.STABILITY_INDEX.labels(self._spec.name, name).set(one.index)
        return tuple(
            DistributionReport(name=name, stability_index=one.index)
            for name, one in self._distributions.items()
        )


def _positive(answer: Prediction, label: Label) -> tuple[float, bool]:
    """The share of one class, and whether it came true: the positive one of two, else the one that was
    answered.
    """
    shares = answer.probabilities
    if not shares:
        return 1.0, answer.value == label
    for positive in (True, 1):
        if len(shares) <= 2 and positive in shares:
            return shares[positive], label == positive
    return max(shares.values()), answer.value == label
