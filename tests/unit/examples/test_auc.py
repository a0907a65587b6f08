"""ROC AUC and the record of served scores."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from auc import ScoreRecord, roc_auc


def by_pairs(labels: list[bool], scores: list[float]) -> float:
    pairs = [
        (late, on_time)
        for (a, late), (b, on_time) in itertools.product(zip(labels, scores, strict=True), repeat=2)
        if a and not b
    ]
    return sum((late > on_time) + 0.5 * (late == on_time) for late, on_time in pairs) / len(pairs)


@pytest.mark.parametrize("seed", range(5))
def test_auc_is_the_share_of_pairs_in_the_right_order(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = [bool(x) for x in random.random(60) < 0.3]
    scores = [float(x) for x in random.integers(0, 8, 60)]

    assert roc_auc(labels, scores) == pytest.approx(by_pairs(labels, scores), abs=1e-12)


def test_auc_needs_both_kinds_of_label() -> None:
    assert roc_auc([], []) is None
    assert roc_auc([True, True], [0.1, 0.2]) is None
    assert roc_auc([False, True], [0.1, 0.2]) == 1.0


def test_scores_count_once_their_label_has_come() -> None:
    record = ScoreRecord(("online", "frozen"), window=10)
    record.served("a", (0.9, 0.1))
    record.served("b", (0.2, 0.6))
    record.served("c", (0.5, 0.5))

    record.landed("a", True)
    record.landed("b", False)

    assert (record.labelled, record.waiting) == (2, 1)
    assert record.overall() == {"online": 1.0, "frozen": 0.0}


def test_a_label_of_a_flight_that_was_not_served_is_passed_over() -> None:
    record = ScoreRecord(("online",), window=10)

    record.landed("from the warm-up", True)

    assert record.labelled == 0
    assert record.overall() == {"online": None}


def test_rolling_looks_at_the_newest_labels_only() -> None:
    record = ScoreRecord(("online",), window=2)
    for name, late, score in (("a", True, 0.1), ("b", False, 0.9), ("c", True, 0.8), ("d", False, 0.3)):
        record.served(name, (score,))
        record.landed(name, late)

    assert record.rolling() == {"online": 1.0}
    assert record.overall() == {"online": 0.25}
