"""Rows and labels are checked value by value, and every refusal names its field."""

from __future__ import annotations

from typing import Any

import pytest

from riverrun.core.errors import InvalidInput
from riverrun.core.spec import ModelSpec, parse_spec
from riverrun.core.spec.features import MAX_FEATURES, check_features

SPEC = parse_spec(
    """
name: shop
task: binary
model: linear_model.LogisticRegression
features:
  amount: {type: float, min: 0, max: 100, required: true}
  items: int
  member: bool
  country: category
  note: text
"""
)


@pytest.mark.parametrize(
    ("features", "field"),
    [
        (None, "features"),
        ([1], "features"),
        ({}, "features.amount"),
        ({"amount": None}, "features.amount"),
        ({"amount": -1}, "features.amount"),
        ({"amount": 101}, "features.amount"),
        ({"amount": "1"}, "features.amount"),
        ({"amount": True}, "features.amount"),
        ({"amount": float("nan")}, "features.amount"),
        ({"amount": float("inf")}, "features.amount"),
        ({"amount": 10**400}, "features.amount"),
        ({"amount": 1, "items": 1.0}, "features.items"),
        ({"amount": 1, "items": True}, "features.items"),
        ({"amount": 1, "items": 2**63}, "features.items"),
        ({"amount": 1, "member": 1}, "features.member"),
        ({"amount": 1, "country": 7}, "features.country"),
        ({"amount": 1, "country": "x" * 1025}, "features.country"),
        ({"amount": 1, "note": "x" * 65537}, "features.note"),
        ({"amount": 1, "note": ["x"]}, "features.note"),
        ({"amount": 1, "other": 1}, "features.other"),
        ({str(i): 1 for i in range(MAX_FEATURES + 1)}, "features"),
    ],
)
def test_a_wrong_row_is_refused_by_the_name_of_its_feature(features: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_features(SPEC.features, features)

    assert refused.value.field == field
    assert len(str(refused.value)) < 500


def test_a_right_row_comes_back_as_it_is_without_what_is_missing() -> None:
    row = {"amount": 0.1 + 0.2, "items": -3, "member": False, "country": None, "note": "é"}

    checked = check_features(SPEC.features, row)

    assert checked == {"amount": 0.1 + 0.2, "items": -3, "member": False, "note": "é"}
    assert row["country"] is None


def test_without_a_schema_any_plain_value_is_taken() -> None:
    assert check_features(None, {"a": 1, "b": "x", "c": True, "d": None}) == {"a": 1, "b": "x", "c": True}
    for value in ([1], {}, float("nan"), b"x"):
        with pytest.raises(InvalidInput, match="expected a"):
            check_features(None, {"a": value})
    with pytest.raises(InvalidInput, match="names that are strings"):
        check_features(None, {1: 1})


def spec_of(task: str, label: str, model: str) -> ModelSpec:
    return parse_spec(f"{{name: a, task: {task}, model: {model}, label: {{type: {label}}}}}")


@pytest.mark.parametrize(
    ("spec", "good", "bad"),
    [
        (
            spec_of("binary", "bool", "naive_bayes.GaussianNB"),
            [(True, True), (0, False), (1, True)],
            [2, "1", 1.0, None],
        ),
        (
            spec_of("multiclass", "int", "naive_bayes.GaussianNB"),
            [(7, 7), (-1, -1)],
            [True, 1.0, "7", 2**63, None],
        ),
        (
            spec_of("multiclass", "category", "naive_bayes.GaussianNB"),
            [("red", "red")],
            ["", "x" * 1025, 1, None, ["red"]],
        ),
        (
            spec_of("regression", "float", "linear_model.LinearRegression"),
            [(1, 1.0), (0.5, 0.5)],
            [True, "1", float("nan"), float("-inf"), None],
        ),
    ],
    ids=["bool", "int", "category", "float"],
)
def test_labels_are_taken_by_their_type(spec: ModelSpec, good: list[Any], bad: list[Any]) -> None:
    for given, taken in good:
        assert spec.check_label(given) == taken
        assert type(spec.check_label(given)) is type(taken)
    for label in bad:
        with pytest.raises(InvalidInput, match="label"):
            spec.check_label(label)
