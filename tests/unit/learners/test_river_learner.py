"""The corners of River learners: refusals, weights, and the journal that undoes half-learned examples."""

from __future__ import annotations

from typing import Any

import pytest
from river import datasets

from riverrun.core.errors import InvalidInput, InvalidSpec, NotReady
from riverrun.core.spec import ModelSpec, parse_spec
from riverrun.core.units import EMPTY
from riverrun.learners import river_learner
from riverrun.learners.build import build_learner, build_predictor, restore_learner

SPEC = parse_spec(
    "{name: a, task: binary, model: [preprocessing.StandardScaler, linear_model.LogisticRegression], "
    "metrics: [LogLoss]}"
)


def test_a_model_without_weights_refuses_a_weight() -> None:
    spec = parse_spec("{name: a, task: multiclass, model: naive_bayes.GaussianNB}")
    learner = build_learner(spec)

    with pytest.raises(InvalidInput, match="GaussianNB takes no weights") as refused:
        learner.learn([{"x": 1.0}], ["a"], [2.0])

    assert refused.value.field == "weight"
    learner.learn([{"x": 1.0}], ["a"], [1.0])
    assert learner.predict({"x": 1.0}).value == "a"


def test_a_two_class_model_refuses_a_third_label() -> None:
    spec = parse_spec("{name: a, task: binary, model: linear_model.LogisticRegression, label: {type: int}}")
    learner = build_learner(spec)

    with pytest.raises(InvalidInput, match="expected 0 or 1, got 7"):
        learner.learn([{"x": 1.0}], [7], [1.0])


def test_a_model_that_saw_no_class_answers_with_none() -> None:
    spec = parse_spec("{name: a, task: multiclass, model: naive_bayes.GaussianNB, metrics: [Accuracy]}")
    learner = build_learner(spec)

    answer = learner.predict({"x": 1.0})
    learner.score({"x": 1.0}, "a", answer)

    assert (answer.value, answer.probabilities) == (None, {})
    assert learner.metrics() == {"Accuracy": 0.0}


def test_a_missing_feature_that_the_model_needs_is_named() -> None:
    spec = parse_spec(
        "{name: a, task: binary, model: [{compose.Select: [x]}, linear_model.LogisticRegression]}"
    )
    learner = build_learner(spec)

    for refuse in (lambda: learner.predict({"z": 1.0}), lambda: learner.learn([{"z": 1.0}], [True], [1.0])):
        with pytest.raises(InvalidInput, match="is missing") as refused:
            refuse()
        assert refused.value.field == "features.x"


def test_an_answer_that_is_no_number_is_none() -> None:
    spec = parse_spec(
        "{name: a, task: regression, model: {linear_model.LinearRegression: "
        "{optimizer: {optim.SGD: {lr: 1.0e+300}}}}}"
    )
    learner = build_learner(spec)

    for _ in range(3):
        learner.learn([{"x": 1e10}], [1.0], [1.0])

    with pytest.raises(NotReady, match="not finite"):
        learner.predict({"x": 1e10})


def test_arguments_that_the_library_refuses_are_refused_with_its_reason() -> None:
    spec = parse_spec(
        "{name: a, task: binary, model: {forest.ARFClassifier: {drift_detector: {drift.KSWIN: {alpha: 7}}}}}"
    )

    with pytest.raises(InvalidSpec) as refused:
        build_learner(spec)

    assert refused.value.field == "model.forest.ARFClassifier.drift_detector.drift.KSWIN"
    assert "drift.KSWIN refuses its arguments: Alpha must be between 0 and 1" in refused.value.expected


def test_a_spec_that_was_never_parsed_is_checked_when_built() -> None:
    spec = ModelSpec(name="a", task="binary", model=["linear_model.LinearRegression"])

    with pytest.raises(InvalidSpec, match="expected a Classifier"):
        build_learner(spec)


def test_each_learner_has_objects_of_its_own() -> None:
    one, other = build_learner(SPEC), build_learner(SPEC)

    one.learn([{"x": 3.0}], [True], [1.0])

    assert other.predict({"x": 3.0}) == build_learner(SPEC).predict({"x": 3.0})
    assert one.predict({"x": 3.0}) != other.predict({"x": 3.0})


def test_metrics_stay_on_the_trainers_side() -> None:
    learner = build_learner(SPEC)
    answer = learner.predict({"x": 1.0})
    learner.changes()

    learner.score({"x": 1.0}, True, answer)
    delta = learner.changes()

    assert not delta.serving
    assert delta.trainer


def phishing(count: int) -> list[tuple[dict[str, Any], bool]]:
    return list(datasets.Phishing().take(count))


def test_a_long_journal_is_shortened_and_nobody_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    examples = phishing(40)
    plain = build_learner(SPEC)
    plain.changes()
    for x, y in examples:
        plain.learn([x], [y], [1.0])
    monkeypatch.setattr(river_learner, "JOURNAL_LIMIT", 7)
    learner = build_learner(SPEC)
    first = learner.changes()
    roots, state = learner.roots(), learner.state()

    for x, y in examples:
        learner.learn([x], [y], [1.0])
        with pytest.raises(InvalidInput):
            learner.learn([{**x, "https": "text"}], [y], [1.0])

    assert (learner.roots(), learner.state()) == (roots, state)
    delta = learner.changes()
    assert EMPTY.apply(first).apply(delta) == learner.state()
    assert learner.roots()[0] != roots[0]
    plain.changes()
    reader = build_predictor(SPEC, learner.state().serving, learner.roots()[0])
    for x, _ in examples:
        assert learner.predict(x) == plain.predict(x) == reader.predict(x)


def test_a_refusal_before_the_first_state_undoes_too() -> None:
    examples = phishing(20)
    plain, learner = build_learner(SPEC), build_learner(SPEC)

    for x, y in examples:
        for one in (plain, learner):
            one.score(x, y, one.predict(x))
            one.learn([x], [y], [1.0])
        with pytest.raises(InvalidInput):
            learner.learn([{**x, "https": "text"}], [y], [1.0])

    assert all(learner.predict(x) == plain.predict(x) for x, _ in examples)
    assert learner.metrics() == plain.metrics()
    restored = restore_after_first(learner)
    assert all(restored.predict(x) == plain.predict(x) for x, _ in examples)


def restore_after_first(learner: Any) -> Any:
    learner.changes()
    return restore_learner(SPEC, learner.state())


@pytest.mark.parametrize("limit", [7, 10_000])
def test_what_is_judged_without_being_learned_outlives_a_refusal(
    monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(river_learner, "JOURNAL_LIMIT", limit)
    examples = phishing(20)
    plain, learner = build_learner(SPEC), build_learner(SPEC)

    for number, (x, y) in enumerate(examples):
        for one in (plain, learner):
            one.score(x, y, one.predict(x))
            if number % 3:
                one.learn([x], [y], [1.0])
            if number % 4:
                # Learned, and not judged.
                one.learn([{**x}], [y], [1.0])
        with pytest.raises(InvalidInput):
            learner.learn([{**x, "https": "text"}], [y], [1.0])

    assert learner.metrics() == plain.metrics()
    assert all(learner.predict(x) == plain.predict(x) for x, _ in examples)
