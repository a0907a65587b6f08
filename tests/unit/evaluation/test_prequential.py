"""Prequential metrics take what each metric judges, and give finite numbers only."""

from __future__ import annotations

from typing import Any

from river import metrics

from riverrun.core.predictions import Prediction
from riverrun.evaluation import Prequential


class Undefined:
    def update(self, y_true: Any, y_pred: Any) -> None:
        """Take nothing."""

    def get(self) -> float:
        return float("nan")


def test_labels_and_probabilities_go_where_they_are_judged() -> None:
    prequential = Prequential({"Accuracy": metrics.Accuracy(), "LogLoss": metrics.LogLoss()})
    accuracy, loss = metrics.Accuracy(), metrics.LogLoss()

    for label, share in [(True, 0.9), (False, 0.6), (True, 0.2)]:
        shares = {False: 1 - share, True: share}
        prequential.score(label, Prediction(share > 0.5, shares))
        accuracy.update(label, share > 0.5)
        loss.update(label, shares)

    assert prequential.values() == {"Accuracy": accuracy.get(), "LogLoss": loss.get()}


def test_an_answer_without_a_value_counts_nowhere() -> None:
    prequential = Prequential({"Accuracy": metrics.Accuracy()})

    prequential.score(True, Prediction(None, {}))
    prequential.score(True, Prediction(True, {True: 1.0}))

    assert prequential.values() == {"Accuracy": 1.0}


def test_one_class_is_judged_against_the_rest() -> None:
    from riverrun.core.spec import parse_spec
    from riverrun.learners.river_builder import build_metrics

    spec = parse_spec(
        """
name: a
task: multiclass
model: naive_bayes.GaussianNB
metrics: [{F1: {pos_val: red}}, {RollingROCAUC: [100, red]}, {ROCAUC: {pos_val: red}}, Accuracy]
"""
    )
    prequential = build_metrics(spec)
    f1, rolling, roc = metrics.F1(), metrics.RollingROCAUC(100), metrics.ROCAUC()

    for label, shares in [
        ("red", {"red": 0.9, "blue": 0.1}),
        ("blue", {"blue": 0.4, "red": 0.6}),
        ("green", {"green": 0.7, "blue": 0.3}),
        ("red", {"green": 0.7, "red": 0.3}),
    ]:
        value = max(shares, key=shares.__getitem__)
        prequential.score(label, Prediction(value, shares))
        share = shares.get("red", 0.0)
        f1.update(label == "red", value == "red")
        rolling.update(label == "red", {True: share, False: 1 - share})
        roc.update(label == "red", {True: share, False: 1 - share})

    values = prequential.values()
    assert values.pop("Accuracy") == 0.5
    assert values == {"F1": f1.get(), "RollingROCAUC": rolling.get(), "ROCAUC": roc.get()}
    assert values["F1"] == 0.5


def test_a_metric_without_a_finite_value_is_left_out() -> None:
    assert Prequential({"Undefined": Undefined(), "MAE": metrics.MAE()}).values() == {"MAE": 0.0}


def test_every_metric_that_a_spec_may_name_gives_a_number_or_nothing() -> None:
    from riverrun.core.catalogue import river_catalogue
    from riverrun.core.errors import InvalidSpec
    from riverrun.core.spec import parse_spec
    from riverrun.learners.river_builder import build_metrics

    models = {
        "binary": "naive_bayes.GaussianNB",
        "multiclass": "naive_bayes.GaussianNB",
        "regression": "linear_model.LinearRegression",
    }
    answers = {
        "binary": [(True, Prediction(True, {False: 0.2, True: 0.8}))],
        "multiclass": [("a", Prediction("b", {"a": 0.2, "b": 0.8}))],
        "regression": [(1.5, Prediction(2.0))],
    }
    judged = set()
    for name, entry in river_catalogue().classes.items():
        if not name.startswith("metrics.") or entry.refused:
            continue
        arguments = {"beta": 2.0, "betas": {True: 1.0, False: 1.0}, "weights": {True: 1.0, False: 1.0}}
        given = {p.name: arguments[p.name] for p in entry.parameters if p.required and p.name in arguments}
        for task, model in models.items():
            try:
                spec = parse_spec(
                    f"{{name: a, task: {task}, model: {model}, metrics: [{{{name}: {given}}}]}}"
                )
            except InvalidSpec:
                continue
            prequential = build_metrics(spec)
            assert all(isinstance(value, float) for value in prequential.values().values())
            for label, answer in answers[task] * 3:
                prequential.score(label, answer)
            assert all(isinstance(value, float) for value in prequential.values().values())
            judged.add(name)
    assert len(judged) > 45
