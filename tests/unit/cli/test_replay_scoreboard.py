"""Prequential metrics against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riverrun.cli.replay.scoreboard import RECENT, Scoreboard, roc_auc


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=60))
def test_roc_auc_is_the_share_of_pairs_in_order(pairs: list[tuple[int, bool]]) -> None:
    scores = np.array([score for score, _ in pairs], dtype=float)
    positive = np.array([label for _, label in pairs], dtype=bool)
    wins = [
        1.0 if good > bad else 0.5 if good == bad else 0.0
        for good in scores[positive]
        for bad in scores[~positive]
    ]

    found = roc_auc(scores, positive)

    assert found is None if not wins else found == pytest.approx(sum(wins) / len(wins))


def test_binary_answers_are_scored_by_class_and_by_share() -> None:
    board = Scoreboard("binary")
    for label, share in ((True, 0.9), (False, 0.2), (True, 0.1), (False, 0.4)):
        board.add(label, share > 0.5, {"true": share, "false": 1 - share})

    assert board.metrics() == {"accuracy": 0.75, "roc_auc": 0.5}


def test_an_answer_before_any_class_is_wrong_and_says_nothing_of_order() -> None:
    board = Scoreboard("binary")
    board.add(True, None, {})
    board.add(False, None, None)

    assert board.metrics() == {"accuracy": 0.0, "roc_auc": 0.5}


def test_regression_is_scored_by_its_errors() -> None:
    board = Scoreboard("regression")
    board.add(3.0, 1.0, None)
    board.add(1.0, 1.0, None)

    assert board.metrics() == {"mae": 1.0, "rmse": pytest.approx(math.sqrt(2))}


def test_classes_are_scored_by_being_right() -> None:
    board = Scoreboard("multiclass")
    board.add("sky", "sky", {"sky": 1.0})
    board.add("path", "sky", {"sky": 1.0})

    assert board.metrics() == {"accuracy": 0.5}


def test_recent_forgets_what_is_long_ago() -> None:
    board = Scoreboard("binary")
    for _ in range(500):
        board.add(True, False, {"true": 0.0})
    for n in range(RECENT):
        board.add(n % 2 == 0, n % 2 == 0, {"true": float(n % 2 == 0)})

    assert board.recent() == {"accuracy": 1.0, "roc_auc": 1.0}
    assert board.metrics()["accuracy"] == pytest.approx(1000 / 1500)
    assert board.rows == 1500


def test_nothing_is_said_of_nothing() -> None:
    assert Scoreboard("binary").metrics() == {}
    assert Scoreboard("regression").recent() == {}
