"""Metrics that are updated together are left in the very state that updating one by one leads to."""

from __future__ import annotations

import random
from typing import Any

import pytest
from river import metrics

from riverrun.learners.metrics_together import update_roc


def content(metric: metrics.ROCAUC) -> list[Any]:
    """All that is in its matrices, with the order in which cells came, and the types of numbers."""
    return [repr(vars(matrix)) for matrix in metric.cms]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("thresholds", [2, 10, 50])
def test_roc_auc_is_the_same_whether_updated_one_by_one_or_together(seed: int, thresholds: int) -> None:
    rng = random.Random(seed)
    single, together = metrics.ROCAUC(thresholds), metrics.ROCAUC(thresholds)

    for size in (1, 3, 200, 57):
        judged: list[tuple[bool, Any]] = []
        for _ in range(size):
            share = rng.choice([rng.random(), 0.0, 1.0, 1 / 9, 0.5])
            answer = rng.choice([share, {False: 1 - share, True: share}, {False: 1.0}, share > 0.5])
            judged.append((rng.random() < share, answer))
        for label, answer in judged:
            single.update(label, answer)
        update_roc(together, judged)

        assert content(together) == content(single)
        assert together.get() == single.get()


def test_an_answer_that_has_no_place_among_shares_leaves_the_others_counted() -> None:
    single, together = metrics.ROCAUC(), metrics.ROCAUC()
    single.update(True, 0.7)

    update_roc(together, [(True, 0.7), (False, "no share")])

    assert content(together) == content(single)
