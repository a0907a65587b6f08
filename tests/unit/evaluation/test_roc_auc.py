"""Our area under the ROC curve is River's, to the last bit, whatever is answered."""

from __future__ import annotations

import random
from typing import Any

import pytest
from river import metrics

from riverrun.evaluation import RocAuc


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("thresholds", [2, 3, 9, 10, 50])
def test_it_is_what_river_computes_after_every_answer(seed: int, thresholds: int) -> None:
    rng = random.Random(seed)
    ours, river = RocAuc(thresholds), metrics.ROCAUC(thresholds)

    for _ in range(200):
        share = rng.choice([rng.random(), 0.0, 1.0, 1 / 9, 0.5])
        answers: list[Any] = [share, {False: 1 - share, True: share}, {False: 1.0}, share > 0.5, {}]
        label, answer = rng.choice([rng.random() < share, int(rng.random() < share)]), rng.choice(answers)
        ours.update(label, answer)
        river.update(label, answer)

        assert ours.get() == river.get()


def test_it_is_defined_before_there_is_an_answer_of_each_kind() -> None:
    ours, river = RocAuc(), metrics.ROCAUC()
    assert ours.get() == river.get()

    ours.update(True, 0.7)
    river.update(True, 0.7)

    assert ours.get() == river.get()


def test_an_answer_that_has_no_place_among_shares_changes_nothing() -> None:
    ours = RocAuc()
    ours.update(True, 0.7)
    before = ours.get(), list(ours.positive), list(ours.negative)

    with pytest.raises(TypeError):
        ours.update(False, "no share")

    assert (ours.get(), ours.positive, ours.negative) == before
