"""What a model is asked reaches nothing that it learns, from the first question on."""

from __future__ import annotations

from typing import Any

import pytest

from riverrun.core.spec.model_spec import ModelSpec
from riverrun.learners.build import build_learner, build_predictor

CLASSIFIERS: list[Any] = [
    {"ensemble.SRPClassifier": {"n_models": 2, "seed": 1, "model": "naive_bayes.GaussianNB"}},
    {"forest.ARFClassifier": {"n_models": 2, "seed": 1}},
    "linear_model.AdPredictor",
    "tree.HoeffdingTreeClassifier",
]
REGRESSORS: list[Any] = [
    {"forest.ARFRegressor": {"n_models": 2, "seed": 1}},
    {"forest.OXTRegressor": {"n_models": 2, "seed": 1}},
]


@pytest.mark.parametrize(
    ("task", "model"),
    [("binary", model) for model in CLASSIFIERS] + [("regression", model) for model in REGRESSORS],
    ids=str,
)
def test_questions_change_nothing_and_readers_of_the_untrained_answer_too(task: str, model: Any) -> None:
    spec = ModelSpec.model_validate({"name": "pure", "task": task, "model": model})
    learner = build_learner(spec)
    learner.changes()
    reader = build_predictor(spec, learner.state().serving, learner.roots()[0])
    text = {"colour": "red"} if model == "tree.HoeffdingTreeClassifier" else {}

    assert reader.predict({"x": 1.0, **text}) == learner.predict({"x": 1.0, **text})
    assert not learner.changes()
    for x in range(20):
        learner.learn([{"x": float(x % 3), "y": 1.0, **text}], [x % 2 == 0], [1.0])
    learner.changes()
    learner.predict({"z": 2.0, "colour": "blue"} if text else {"z": 2.0})
    assert not learner.changes()


def test_a_bandit_learns_several_classes_that_are_numbers() -> None:
    models = ["naive_bayes.GaussianNB", "dummy.PriorClassifier"]
    bandit = {
        "model_selection.BanditClassifier": {
            "models": models,
            "metric": "metrics.Accuracy",
            "policy": {"bandit.EpsilonGreedy": {"epsilon": 0.1, "seed": 1}},
        }
    }
    spec = ModelSpec.model_validate(
        {"name": "several", "task": "multiclass", "model": bandit, "label": {"type": "int"}}
    )
    learner = build_learner(spec)

    for label in (3, 8, 16) * 5:
        learner.learn([{"x": float(label)}], [label], [1.0])

    assert learner.predict({"x": 8.0}).value in (3, 8, 16)
