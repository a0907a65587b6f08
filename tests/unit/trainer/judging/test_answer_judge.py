"""How well answers do: served beside newest, in slices, calibrated, and there again after a restart."""

from __future__ import annotations

import random

import pytest
from riverrun_trainer.judging.answer_judge import TAKEN_EVERY, AnswerJudge

from riverrun.core.errors import InvalidInput
from riverrun.core.evaluation_report import EvaluationReport, Scored
from riverrun.core.events import Example, LoggedEvent, Stream
from riverrun.core.joining import JoinedExample, Origin, PredictionRecord
from riverrun.core.predictions import Prediction
from riverrun.core.spec import ModelSpec, parse_spec

SECOND = 10**9
REPORT = EvaluationReport(model="toy", line=1, time_ns=0, newest=Scored(examples=0))
EVENT = LoggedEvent(0, "e", 0, 0, b"")


def spec(keys: str = "", label: str = "{window: 1h}") -> ModelSpec:
    return parse_spec(
        "{name: toy, task: binary, model: [linear_model.LogisticRegression], metrics: [Accuracy, LogLoss],"
        f" features: {{x: float, c: category}}, label: {label}, {keys}}}"
    )


def answer(share: float) -> Prediction:
    return Prediction(share > 0.5, {True: share, False: 1 - share})


def joined(
    label: bool, share: float | None, *, c: str = "a", version: int = 7, origin: Origin = Origin.LABEL
) -> JoinedExample:
    features = {"x": 1.0, "c": c}
    served = None
    if share is not None:
        served = PredictionRecord("p", 0, features, version, "live", answer(share))
    return JoinedExample(Example(features, label), EVENT, Stream.LABELS, 60 * SECOND, origin, served)


def told(judge: AnswerJudge) -> EvaluationReport:
    return judge.told(REPORT)


def test_what_was_served_is_judged_and_not_what_the_newest_weights_say() -> None:
    judge = AnswerJudge(spec(), {})

    for share in (0.9, 0.9, 0.1, 0.9):
        judge.score(joined(True, share), answer(0.0))
    judge.score(joined(True, 0.9, origin=Origin.CORRECTION), answer(0.9))
    judge.score(joined(True, None), answer(0.9))

    served = told(judge).served
    assert served is not None
    assert (served.examples, served.version) == (4, 7)
    assert served.metrics["Accuracy"] == 0.75


def test_labels_say_how_late_they_are_and_how_many_came() -> None:
    judge = AnswerJudge(spec(), {})
    judge.coverage = 0.25

    judge.score(joined(True, 0.9), None)

    labels = told(judge).labels
    assert labels is not None
    assert (labels.joined, labels.coverage) == (1, 0.25)
    assert 60 <= labels.delay_p50 <= 120


def test_without_joining_the_newest_weights_are_judged_in_slices() -> None:
    judge = AnswerJudge(spec("slices: [c, {feature: x, edges: [0]}]", "{}"), {})

    for c, share in (("a", 0.9), ("b", 0.1), ("a", 0.9)):
        judge.score(joined(True, None, c=c), answer(share))

    found = told(judge)
    assert found.served is None
    assert [(one.feature, one.value, one.examples) for one in found.slices] == [
        ("x", "[0, inf)", 3),
        ("c", "a", 2),
        ("c", "b", 1),
    ]
    assert found.slices[1].loss == pytest.approx(0.01)


def test_a_slice_whose_labels_turn_bad_comes_first_and_is_marked() -> None:
    judge, rng = AnswerJudge(spec("slices: [c]", "{}"), {}), random.Random(1)
    for _ in range(3000):
        judge.score(joined(rng.random() < 0.8, None, c=rng.choice("abcde")), answer(0.8))

    for _ in range(1000):
        c = rng.choice("abcde")
        judge.score(joined((rng.random() < 0.8) != (c == "c"), None, c=c), answer(0.8))

    assert [(one.value, one.worse) for one in told(judge).slices][:2] == [
        ("c", True),
        (told_second(judge), False),
    ]


def told_second(judge: AnswerJudge) -> str:
    return told(judge).slices[1].value


def test_calibration_compares_shares_with_what_came_true() -> None:
    judge, rng = AnswerJudge(spec("evaluation: {calibration: true}", "{}"), {}), random.Random(1)

    for _ in range(2000):
        judge.score(joined(rng.random() < 0.5, None), answer(0.75))

    calibration = told(judge).calibration
    assert calibration is not None
    assert calibration.error == pytest.approx(0.25, abs=0.03)
    assert [one.answers for one in calibration.bins] == [2000]


def test_a_shift_of_a_feature_is_seen_against_the_first_window() -> None:
    judge = AnswerJudge(spec("evaluation: {distributions: true, window: 100}", "{}"), {})

    for c in ["a"] * 100 + ["a"] * 100 + ["b"] * 100:
        judge.score(joined(True, None, c=c), answer(0.8))

    found = {one.name: one.stability_index for one in told(judge).distributions}
    assert found.keys() == {"x", "c", ""}
    assert found["c"] > 1
    assert found["x"] == found[""] == 0


KEYS = "slices: [c], evaluation: {calibration: true, distributions: true, window: 100}"


def test_it_goes_on_from_its_units_and_stores_nothing_in_between() -> None:
    rng = random.Random(1)
    examples = [joined(rng.random() < 0.7, rng.random(), c=rng.choice("ab")) for _ in range(3 * TAKEN_EVERY)]
    whole, first = AnswerJudge(spec(KEYS), {}), AnswerJudge(spec(KEYS), {})
    units = {}
    stored = 0
    for one in examples[: 2 * TAKEN_EVERY]:
        first.score(one, None)
        delta = first.changes()
        stored += bool(delta)
        units |= delta.changed
        for number in delta.dropped:
            units.pop(number)
    second = AnswerJudge(spec(KEYS), units)

    for one in examples:
        whole.score(one, None)
    for one in examples[2 * TAKEN_EVERY :]:
        second.score(one, None)

    assert stored == 2
    assert told(second) == told(whole)


def test_a_stop_takes_along_what_was_judged_since() -> None:
    judge = AnswerJudge(spec(), {})
    judge.score(joined(True, 0.9), None)
    assert not judge.changes()

    judge.take_all()
    again = AnswerJudge(spec(), judge.changes().changed)

    assert told(again).served == told(judge).served


def test_units_of_something_else_are_refused() -> None:
    with pytest.raises(InvalidInput, match="evaluation"):
        AnswerJudge(spec(), {0: b"\\xc0"})
