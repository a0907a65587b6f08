"""Rows answered together have the answers that they have one by one, to the last bit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riverrun.core.spec import parse_spec
from riverrun.learners.build import build_learner, build_predictor
from riverrun.learners.river_batches import MIN_ROWS, many_answers_of

NAMES = ("a", "b", "c")
HEAD = "name: m\nlearner: river\nfeatures: {a: float, b: int, c: bool}\n"
SPECS = {
    "logistic regression": "task: binary\nmodel: [linear_model.LogisticRegression]\n",
    "linear regression": "task: regression\nmodel: [linear_model.LinearRegression]\n",
    "scaled logistic regression": """
task: binary
model: [preprocessing.StandardScaler, linear_model.LogisticRegression]
""",
    "scaled linear regression": """
task: regression
model: [preprocessing.StandardScaler, linear_model.LinearRegression]
""",
}
ROW = st.fixed_dictionaries(
    {
        "a": st.floats(-1e6, 1e6) | st.just(-0.0) | st.just(1e300),
        "b": st.integers(-(2**63), 2**63 - 1),
        "c": st.booleans(),
    }
)


def _predictor(spec_text: str, rows: list[dict[str, Any]]) -> tuple[Any, Any]:
    spec = parse_spec(HEAD + spec_text)
    learner = build_learner(spec)
    label = (lambda n: n % 2 == 0) if spec.is_classifier else float
    for number, row in enumerate(rows):
        learner.learn([row], [label(number)], [1.0])
    learner.changes()
    return spec, build_predictor(spec, learner.state().serving, learner.roots()[0])


def _bits(predictions: list[Any]) -> list[Any]:
    return [(repr(one.value), repr(one.probabilities)) for one in predictions]


LEARNED = [{"a": 0.1 * n, "b": n % 7, "c": n % 3 == 0} for n in range(30)]


@pytest.mark.parametrize("name", SPECS)
@settings(max_examples=60, deadline=None)
@given(rows=st.lists(ROW, min_size=MIN_ROWS, max_size=20), order=st.permutations(NAMES))
def test_answers_together_are_those_one_by_one(
    name: str, rows: list[dict[str, Any]], order: list[str]
) -> None:
    _, predictor = _predictor(SPECS[name], LEARNED)
    rows = [{feature: row[feature] for feature in order} for row in rows]

    together = predictor.predict_many(rows)

    assert _bits(together) == _bits([predictor.predict(row) for row in rows])


@pytest.mark.parametrize("name", SPECS)
def test_usual_rows_are_answered_together(name: str) -> None:
    spec, predictor = _predictor(SPECS[name], LEARNED)

    many = many_answers_of(predictor._graph.root.model, spec)

    assert many is not None
    assert many(LEARNED) is not None


@pytest.mark.parametrize(
    ("why", "rows"),
    [
        ("few", LEARNED[: MIN_ROWS - 1]),
        ("another order", [*LEARNED, dict(reversed(LEARNED[0].items()))]),
        ("a feature missing", [*LEARNED, {"a": 1.0, "b": 2}]),
        ("an answer that is not finite", [{**row, "a": 1.7e308} for row in LEARNED]),
    ],
)
def test_other_rows_are_asked_one_by_one(why: str, rows: list[dict[str, Any]]) -> None:
    spec, predictor = _predictor("task: regression\nmodel: [linear_model.LinearRegression]\n", LEARNED)
    model = predictor._graph.root.model
    model._weights["a"] = 10.0

    assert many_answers_of(model, spec)(rows) is None


def test_a_feature_without_a_weight_is_asked_one_by_one_and_gets_none() -> None:
    spec, predictor = _predictor(SPECS["linear regression"], [{"a": 1.0, "b": 1}])
    model = predictor._graph.root.model

    assert many_answers_of(model, spec)(LEARNED) is None
    assert "c" not in model._weights


@pytest.mark.parametrize(
    "text",
    [
        "task: binary\nmodel: [preprocessing.MinMaxScaler, linear_model.LogisticRegression]\n",
        "task: binary\nmodel: [tree.HoeffdingTreeClassifier]\n",
        "task: regression\nmodel: [{linear_model.LinearRegression: {loss: optim.losses.Poisson}}]\n",
    ],
)
def test_models_whose_bits_could_differ_are_asked_one_by_one(text: str) -> None:
    spec, predictor = _predictor(text, [])

    assert many_answers_of(predictor._graph.root.model, spec) is None
