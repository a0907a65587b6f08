"""Slices find the part that got worse; delays are counted in buckets that double."""

from __future__ import annotations

import random

import pytest

from riverrun.evaluation.delays import Delays
from riverrun.evaluation.slices import MISSING, OTHER, SliceState, Slicing


def noisy(rng: random.Random, mean: float) -> float:
    return min(max(rng.gauss(mean, 0.15), 0.0), 1.0)


@pytest.mark.parametrize("seed", range(10))
def test_a_slice_that_gets_worse_is_found_within_few_examples_and_no_other(seed: int) -> None:
    rng = random.Random(seed)
    slicing = Slicing((), 50)
    for _ in range(4000):
        slicing.update(rng.choice("abcde"), noisy(rng, 0.2))
    assert not any(state.is_worse for state in slicing.slices.values())

    for _ in range(150):
        slicing.update("c", noisy(rng, 0.5))
        slicing.update("d", noisy(rng, 0.2))

    assert [name for name, state in slicing.slices.items() if state.is_worse] == ["c"]


def test_a_slice_is_no_longer_worse_once_it_is_as_usual_again() -> None:
    rng = random.Random(1)
    state = SliceState()
    for mean, count in ((0.2, 1000), (0.6, 200)):
        for _ in range(count):
            state.update(noisy(rng, mean))
    assert state.is_worse

    for _ in range(2000):
        state.update(noisy(rng, 0.15))

    assert not state.is_worse


def test_values_beyond_the_limit_are_one_slice() -> None:
    slicing = Slicing((), 3)

    for value in ("a", "b", None, "c", "d", "a"):
        slicing.update(value, 0.5)

    assert {name: state.examples for name, state in slicing.slices.items()} == {
        "a": 2,
        "b": 1,
        MISSING: 1,
        OTHER: 2,
    }


def test_numbers_are_sliced_between_edges() -> None:
    slicing = Slicing((10.0, 100.0), 50)

    for value in (-5, 10, 99.9, 100, None):
        slicing.update(value, 0.0)

    assert {name: state.examples for name, state in slicing.slices.items()} == {
        "[-inf, 10)": 1,
        "[10, 100)": 2,
        "[100, inf)": 1,
        MISSING: 1,
    }


def test_long_values_are_cut() -> None:
    slicing = Slicing((), 5)

    slicing.update("x" * 1000, 0.0)

    assert [len(name) for name in slicing.slices] == [64]


def test_quantiles_of_delays_are_right_within_a_factor_of_two() -> None:
    delays = Delays()
    for seconds in (0.0, -3.0, 1.0, 1.5, 3600.0, 86_400.0, 1e30):
        delays.count(seconds)

    assert delays.quantile(0.5) == 2.0
    assert 3600 <= delays.quantile(0.7) <= 7200
    assert Delays().quantile(0.5) == 0.0
