"""Losses lie in [0, 1], are least for the best answer, and take answers that are none."""

from __future__ import annotations

import pytest

from riverrun.core.predictions import Prediction
from riverrun.evaluation.loss import class_loss, number_loss


def test_the_loss_of_two_classes_is_the_squared_error_of_the_share() -> None:
    answer = Prediction(True, {False: 0.3, True: 0.7})

    assert class_loss(True, answer) == pytest.approx(0.3**2)
    assert class_loss(False, answer) == pytest.approx(0.7**2)


def test_the_true_chance_has_the_least_expected_loss() -> None:
    truth = {"a": 0.2, "b": 0.5, "c": 0.3}

    def expected(shares: dict[str, float]) -> float:
        return sum(chance * class_loss(name, Prediction("b", shares)) for name, chance in truth.items())

    assert expected(truth) < expected({"a": 0.25, "b": 0.45, "c": 0.3})
    assert expected(truth) < expected({"a": 0.0, "b": 1.0, "c": 0.0})


@pytest.mark.parametrize(
    ("prediction", "loss"),
    [
        (Prediction("a"), 0.0),
        (Prediction("b"), 1.0),
        (Prediction(None, {}), 1.0),
        (Prediction("b", {"b": 1.0}), 1.0),
    ],
    ids=["the class alone", "another class alone", "no answer", "sure of another"],
)
def test_classes_without_shares_and_missing_answers_are_right_or_wrong(
    prediction: Prediction, loss: float
) -> None:
    assert class_loss("a", prediction) == loss


@pytest.mark.parametrize(
    ("value", "loss"), [(10.0, 0.0), (15.0, 0.5), (5.0, 0.5), (1e308, 1.0), (None, 1.0), (float("inf"), 1.0)]
)
def test_the_loss_of_a_number_is_half_at_the_scale(value: float | None, loss: float) -> None:
    assert number_loss(10.0, Prediction(value), 5.0) == pytest.approx(loss)


def test_numbers_without_a_scale_are_right_or_wrong() -> None:
    assert number_loss(1.0, Prediction(1.0), 0.0) == 0.0
    assert number_loss(1.0, Prediction(1.1), 0.0) == 1.0
