"""Detectors hear of each example once, say what they found, and go on after a restart as if none was."""

from __future__ import annotations

import random
from typing import Any

import pytest
from riverrun_trainer.judging.drift_judge import DriftJudge
from riverrun_trainer.judging.judges import judges_of

from riverrun.core.errors import InvalidInput, InvalidSpec
from riverrun.core.evaluation_report import DriftReport, EvaluationReport, Scored
from riverrun.core.events import Example, LoggedEvent, Stream
from riverrun.core.joining import JoinedExample, Origin, PredictionRecord
from riverrun.core.parts import Part, in_state
from riverrun.core.predictions import Prediction
from riverrun.core.spec import ModelSpec, parse_spec
from riverrun.core.units import NO_UNITS, Unit
from riverrun.evaluation.triggers import Found

HEAD = "name: toy\ntask: binary\nmodel: linear_model.LogisticRegression\nfeatures: {x: float}\n"
AROUND: Any = None
"""Nothing here asks for what is around a line."""

DETECTORS = ("ADWIN", "KSWIN", "PageHinkley", "DDM", "EDDM", "HDDMA", "HDDMW")


def spec_of(drift: str, head: str = HEAD) -> ModelSpec:
    return parse_spec(f"{head}drift: {drift}\n")


def joined(n: int, label: Any = True, x: float = 0.0, **rest: Any) -> JoinedExample:
    event = LoggedEvent(n, "", time_ns=1_000 + n, received_ns=2_000 + n, body=b"")
    return JoinedExample(Example({"x": x}, label), event, Stream.EXAMPLES, 1_000 + n, **rest)


def sure(value: Any, share: float = 1.0) -> Prediction:
    return Prediction(value, {value: share, not value: 1.0 - share})


def report_of(judge: DriftJudge) -> tuple[DriftReport, ...]:
    empty = EvaluationReport(model="toy", line=1, time_ns=0, newest=Scored(examples=0))
    return judge.told(empty).drift


def feed(judge: DriftJudge, start: int, end: int, wrong: float, seed: int = 1) -> None:
    """Answers of which the share `wrong` is wrong."""
    rng = random.Random(seed * 10_000 + start)
    for n in range(start, end):
        judge.score(joined(n), sure(rng.random() >= wrong))


def units_after(judge: DriftJudge, units: dict[int, Unit] | None = None) -> dict[int, Unit]:
    return dict(judge.changes().apply(units or {}))


@pytest.mark.parametrize("detector", [name for name in DETECTORS if name != "KSWIN"])
def test_an_error_that_rises_is_found_soon_and_said_where(detector: str) -> None:
    judge = DriftJudge(spec_of(f"[{{detector: {detector}, name: watch}}]"), NO_UNITS)

    feed(judge, 0, 1_000, wrong=0.1)
    before = report_of(judge)[0].found
    feed(judge, 1_000, 1_600, wrong=0.7)

    (report,) = report_of(judge)
    assert report.found > before
    assert 1_000 < report.last_value <= 1_600
    assert judge.found() == {"watch": Found(1_999 + report.last_value, 999 + report.last_value)}
    assert report.last_ns == 999 + report.last_value


def test_an_error_that_falls_is_no_drift_unless_it_is_asked_for() -> None:
    judge = DriftJudge(
        spec_of("[{detector: ADWIN}, {detector: ADWIN, direction: fall, name: fall}]"), NO_UNITS
    )

    feed(judge, 0, 1_000, wrong=0.7)
    feed(judge, 1_000, 2_000, wrong=0.1)

    rise, fall = report_of(judge)
    assert (rise.found, rise.passed_over) == (0, fall.found)
    assert fall.found >= 1
    assert judge.found().keys() == {"fall"}


def test_a_feature_and_a_prediction_are_watched_both_ways() -> None:
    judge = DriftJudge(spec_of("[{detector: ADWIN, on: x}, {detector: ADWIN, on: prediction}]"), NO_UNITS)
    rng = random.Random(5)

    for n in range(1_000):
        share = 0.8 if n < 500 else 0.4
        judge.score(joined(n, x=rng.gauss(0 if n < 500 else -2, 1)), sure(True, share))

    x, prediction = report_of(judge)
    assert (x.found, prediction.found) == (1, 1)
    assert (x.name, prediction.name) == ("ADWIN-x", "ADWIN-prediction")


def test_served_answers_are_judged_where_that_is_asked_for() -> None:
    judge = DriftJudge(spec_of("[{detector: ADWIN, of: served}, {detector: ADWIN, name: new}]"), NO_UNITS)

    for n in range(40):
        served = PredictionRecord("p", 0, {"x": 0.0}, 7, "live", sure(False)) if n % 2 else None
        judge.score(joined(n, served=served), sure(True))

    served, newest = report_of(judge)
    assert (served.values, served.mean) == (20, 1.0)
    assert (newest.values, newest.mean) == (40, 0.0)


def test_each_example_counts_once_and_without_an_answer_not_at_all() -> None:
    judge = DriftJudge(spec_of("[{detector: ADWIN}, {detector: ADWIN, on: x}]"), NO_UNITS)

    for origin in Origin:
        judge.score(joined(0, origin=origin), sure(True))
    judge.score(joined(1), None)

    judged = sum(origin.is_judged for origin in Origin)
    error, x = report_of(judge)
    assert (error.values, x.values) == (judged, judged + 1)


def test_every_so_many_values_one_is_fed_across_restarts_too() -> None:
    spec = spec_of("[{detector: ADWIN, every: 3}]")
    judge = DriftJudge(spec, NO_UNITS)

    feed(judge, 0, 4, wrong=0.0)
    judge = DriftJudge(spec, units_after(judge))
    feed(judge, 4, 9, wrong=0.0)

    assert report_of(judge)[0].values == 3


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_restart_changes_nothing_of_what_is_found(detector: str) -> None:
    spec = spec_of(f"[{{detector: {detector}}}, {{detector: ADWIN, on: x}}]")
    end = 400 if detector == "KSWIN" else 2_000
    through, units = DriftJudge(spec, NO_UNITS), {}
    stopped = DriftJudge(spec, NO_UNITS)
    for start in range(0, end, 100):
        wrong = 0.1 + 0.4 * (start // 300 % 2)
        feed(through, start, start + 100, wrong)
        feed(stopped, start, start + 100, wrong)
        units = units_after(stopped, units)
        stopped = DriftJudge(spec, units)

    assert report_of(stopped) == report_of(through)
    assert units_after(through) == units
    # Nothing new, nothing to tell.
    assert not stopped.changes()


def test_a_detector_that_is_declared_anew_starts_afresh_and_the_others_go_on() -> None:
    judge = DriftJudge(spec_of("[{detector: ADWIN}, {detector: ADWIN, on: x}]"), NO_UNITS)
    feed(judge, 0, 50, wrong=0.5)
    units = units_after(judge)

    changed = DriftJudge(
        spec_of("[{detector: {ADWIN: {delta: 0.1}}}, {detector: ADWIN, on: x, direction: rise}]"), units
    )
    delta = changed.changes()

    assert [one.values for one in report_of(changed)] == [0, 50]
    assert delta.dropped == {1}
    assert set(delta.changed) == {0, 3}
    none_left = judges_of(spec_of("[]"), {}, AROUND)
    assert none_left.parts == {}


def test_units_of_something_else_are_refused() -> None:
    with pytest.raises(InvalidInput, match="detectors of drift"):
        DriftJudge(spec_of("[{detector: ADWIN}]"), {0: b"nonsense"})


def test_arguments_that_river_refuses_are_named() -> None:
    with pytest.raises(InvalidSpec, match="stat_size"):
        DriftJudge(spec_of("[{detector: {KSWIN: {window_size: 10, stat_size: 20}}}]"), NO_UNITS)


def test_a_spec_that_asks_for_nothing_has_no_judges_and_one_that_does_has_them_in_its_state() -> None:
    assert judges_of(parse_spec(HEAD), NO_UNITS, AROUND).scorers == []
    spec = parse_spec(
        f"{HEAD}drift: [{{detector: ADWIN}}]\nretrain: {{when: [{{drift: any}}, {{examples: 100}}]}}\n"
    )
    judges = judges_of(spec, NO_UNITS, AROUND)
    for n in range(30):
        for scorer in judges.scorers:
            scorer.score(joined(n), sure(True))

    units: dict[int, Unit] = {}
    for part, owner in judges.parts.items():
        in_state(part, owner.changes()).apply_in_place(units)
    again = judges_of(spec, units, AROUND)

    assert set(judges.parts) == {Part.DRIFT, Part.TRIGGERS}
    assert judges.triggers is not None
    assert again.triggers is not None
    assert again.triggers.since_ns == judges.triggers.since_ns == 1_999
    assert all(not owner.changes() for owner in again.parts.values())
