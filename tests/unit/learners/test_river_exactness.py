"""Over real streams a learner answers exactly as a plain River loop, in which nothing else happens.

That holds for its metrics, for a reader that takes every delta, and across a restart in the middle.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from river import compose, datasets, ensemble, linear_model, metrics, optim, preprocessing, tree

from riverrun.core.spec import parse_spec
from riverrun.learners.build import build_learner, build_predictor, restore_learner

EXAMPLES = 600


def flights_like() -> Any:
    return (compose.Select("age_of_domain", "long_url") | preprocessing.StandardScaler()) + (
        compose.Select("https") | preprocessing.OneHotEncoder()
    ) | linear_model.LogisticRegression(optim.SGD(0.05))


CASES: dict[str, tuple[str, Callable[[], Any], Callable[[], Iterable[Any]], dict[str, Any]]] = {
    "binary, a union and logistic regression": (
        """
name: phishing
task: binary
model:
  - union:
      - [{compose.Select: [age_of_domain, long_url]}, preprocessing.StandardScaler]
      - [{compose.Select: [https]}, preprocessing.OneHotEncoder]
  - linear_model.LogisticRegression: {optimizer: {optim.SGD: {lr: 0.05}}}
metrics: [ROCAUC, LogLoss, {RollingROCAUC: {window_size: 50}}, F1]
""",
        flights_like,
        datasets.Phishing,
        {
            "ROCAUC": metrics.ROCAUC(),
            "LogLoss": metrics.LogLoss(),
            "RollingROCAUC": metrics.RollingROCAUC(window_size=50),
            "F1": metrics.F1(),
        },
    ),
    "binary, a bagged pipeline": (
        """
name: phishing
task: binary
model:
  ensemble.BaggingClassifier:
    model: [preprocessing.StandardScaler, linear_model.LogisticRegression]
    n_models: 3
    seed: 42
metrics: [Accuracy]
""",
        lambda: ensemble.BaggingClassifier(
            preprocessing.StandardScaler() | linear_model.LogisticRegression(), n_models=3, seed=42
        ),
        datasets.Phishing,
        {"Accuracy": metrics.Accuracy()},
    ),
    "regression": (
        """
name: approval
task: regression
model: [preprocessing.StandardScaler, linear_model.LinearRegression: {intercept_lr: 0.1}]
metrics: [MAE, R2, RMSE]
""",
        lambda: preprocessing.StandardScaler() | linear_model.LinearRegression(intercept_lr=0.1),
        datasets.TrumpApproval,
        {"MAE": metrics.MAE(), "R2": metrics.R2(), "RMSE": metrics.RMSE()},
    ),
    "multiclass": (
        """
name: segments
task: multiclass
model: {tree.HoeffdingTreeClassifier: {grace_period: 50}}
metrics: [MacroF1, CrossEntropy, Accuracy]
""",
        lambda: tree.HoeffdingTreeClassifier(grace_period=50),
        datasets.ImageSegments,
        {
            "MacroF1": metrics.MacroF1(),
            "CrossEntropy": metrics.CrossEntropy(),
            "Accuracy": metrics.Accuracy(),
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_answers_and_metrics_are_those_of_a_plain_loop(case: str) -> None:
    text, make, stream, plain_metrics = CASES[case]
    spec = parse_spec(text)
    plain = make()
    learner = build_learner(spec)
    learner.changes()
    reader = build_predictor(spec, learner.state().serving, learner.roots()[0])

    for i, (x, y) in enumerate(itertools.islice(stream(), EXAMPLES)):
        given = dict(x)
        expected = plain.predict_proba_one(x) if spec.is_classifier else plain.predict_one(x)
        value = plain.predict_one(x)
        answer = learner.predict(given)

        assert answer.value == value
        assert (answer.probabilities if spec.is_classifier else answer.value) == expected
        assert reader.predict(given) == answer
        assert reader.predict_many([given, given]) == [answer, answer]

        for metric in plain_metrics.values():
            if value is not None:
                metric.update(y, value if getattr(metric, "requires_labels", True) else expected)
        plain.learn_one(x, y)
        learner.learn([given], [y], [1.0])
        learner.score(given, y, answer)
        reader = reader.updated(learner.changes().serving, learner.roots()[0])
        assert given == x
        if i == EXAMPLES // 2:
            learner = restore_learner(spec, learner.state())

    assert learner.metrics() == {name: metric.get() for name, metric in plain_metrics.items()}


def test_weights_are_learned_as_river_learns_them() -> None:
    spec = parse_spec(
        "{name: a, task: binary, model: [preprocessing.StandardScaler, linear_model.Perceptron]}"
    )
    plain = preprocessing.StandardScaler() | linear_model.Perceptron()
    learner = build_learner(spec)

    for i, (x, y) in enumerate(datasets.Phishing().take(50)):
        weight = 1.0 + i % 3
        plain.learn_one(x, y, w=weight)
        learner.learn([x], [y], [weight])

    for x, _ in datasets.Phishing().take(50):
        assert learner.predict(x).probabilities == plain.predict_proba_one(x)


def test_whole_number_labels_are_answered_as_whole_numbers() -> None:
    spec = parse_spec(
        "{name: a, task: binary, model: linear_model.LogisticRegression, label: {type: int}, metrics: [F1]}"
    )
    learner = build_learner(spec)

    learner.learn([{"x": 1.0}], [1], [1.0])
    answer = learner.predict({"x": 1.0})
    learner.score({"x": 1.0}, 1, answer)

    assert (type(answer.value), answer.value) == (int, 1)
    assert answer.probabilities is not None
    assert [type(label) for label in answer.probabilities] == [int, int]
    assert learner.metrics() == {"F1": 1.0}


def test_a_classifier_with_a_rule_of_its_own_is_asked_for_its_answer() -> None:
    spec = parse_spec(
        """
name: a
task: multiclass
model: {multiclass.OneVsOneClassifier: [linear_model.LogisticRegression]}
label: {type: int}
metrics: [Accuracy]
"""
    )
    learner = build_learner(spec)

    for label in (3, 5, 9) * 20:
        learner.learn([{"x": float(label == 3), "z": float(label == 5)}], [label], [1.0])
    answer = learner.predict({"x": 1.0, "z": 0.0})

    assert answer.value == 3
    assert answer.probabilities is None
