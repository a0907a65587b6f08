"""`publish.precision`: off by default, and refused where nothing could be rounded."""

from __future__ import annotations

import pytest

from riverrun.core.errors import InvalidSpec
from riverrun.core.spec import parse_spec


def spec(model: str, precision: str = "bf16", more: str = "") -> str:
    return f"name: m\ntask: binary\nmodel: {model}\n{more}publish:\n  precision: {precision}\n"


def test_weights_are_exact_unless_a_spec_says_otherwise() -> None:
    assert parse_spec("{name: m, task: binary, model: naive_bayes.GaussianNB}").publish.precision == "exact"


@pytest.mark.parametrize("precision", ["bf16", "int8"])
@pytest.mark.parametrize(
    "model",
    [
        "linear_model.LogisticRegression",
        "[preprocessing.StandardScaler, {linear_model.LogisticRegression: {l2: 0.1}}]",
        "{ensemble.BaggingClassifier: {model: linear_model.LogisticRegression, n_models: 3}}",
    ],
)
def test_models_with_linear_weights_can_be_rounded(model: str, precision: str) -> None:
    publish = parse_spec(spec(model, precision)).publish

    assert publish.precision == precision
    assert publish.describe().endswith(f"rounded to {precision}")


@pytest.mark.parametrize(
    "model",
    [
        "tree.HoeffdingTreeClassifier",
        "naive_bayes.GaussianNB",
        "[preprocessing.StandardScaler, forest.AMFClassifier]",
    ],
)
def test_models_without_any_are_refused_with_the_reason(model: str) -> None:
    with pytest.raises(InvalidSpec, match=r"line 5: publish\.precision: .*has none of these"):
        parse_spec(spec(model))


def test_exact_is_allowed_everywhere_and_other_words_nowhere() -> None:
    assert parse_spec(spec("tree.HoeffdingTreeClassifier", "exact")).publish.precision == "exact"
    with pytest.raises(InvalidSpec, match=r"publish\.precision"):
        parse_spec(spec("linear_model.LogisticRegression", "fp4"))


def test_torch_models_and_factories_can_be_rounded() -> None:
    torch = "learner: torch\nfeatures: {a: float}\n"
    assert parse_spec(spec("{mlp: {}}", more=torch)).publish.precision == "bf16"
    factory = spec("x").replace("model: x", "factory: 'a.b:c'")
    assert parse_spec(factory).publish.precision == "bf16"
