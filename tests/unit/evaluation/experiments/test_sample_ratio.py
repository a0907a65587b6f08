"""Shares that are not those declared are found; true ones are doubted as seldom as asked."""

from __future__ import annotations

import random

import pytest

from riverrun.evaluation.experiments import SampleRatio


def counted(seed: int, declared: float, true: float, keys: int = 5_000, alpha: float = 0.05) -> SampleRatio:
    source = random.Random(seed)
    ratio = SampleRatio({"a": 1 - declared, "b": declared}, alpha=alpha)
    for _ in range(keys):
        ratio.update("b" if source.random() < true else "a")
    return ratio


def test_true_shares_are_doubted_less_often_than_alpha() -> None:
    assert sum(counted(seed, 0.5, 0.5, keys=1_000).mismatch for seed in range(200)) <= 200 * 0.05


def test_a_tenth_that_is_lost_on_the_way_is_found() -> None:
    ratio = counted(1, 0.5, 0.45)

    assert ratio.mismatch
    assert ratio.p_value < 0.05


def test_one_mismatch_stays_found_though_the_counts_even_out() -> None:
    ratio = SampleRatio({"a": 0.5, "b": 0.5}, alpha=0.05)

    for _ in range(60):
        ratio.update("a")
    early = ratio.mismatch
    for _ in range(60):
        ratio.update("b")

    assert early
    assert ratio.mismatch


def test_only_shares_among_the_arms_count() -> None:
    assert SampleRatio({"a": 0.1, "b": 0.3}).counts == {"a": 0, "b": 0}
    ratio = SampleRatio({"a": 0.1, "b": 0.3}, alpha=0.05)
    for number in range(4_000):
        ratio.update("a" if number % 4 == 0 else "b")

    assert not ratio.mismatch


@pytest.mark.parametrize("shares", [{"a": 1.0}, {"a": 0.5, "b": 0.0}, {"a": 0.5, "b": -1.0}])
def test_impossible_shares_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected a positive share"):
        SampleRatio(shares)
