"""A shift of a feature shows in its stability index; none shows none."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec
import pytest

from riverrun.core.predictions import FeatureValue
from riverrun.evaluation.distributions import (
    MAX_CATEGORIES,
    Distribution,
    Windows,
    reference_histogram,
    stability_index,
)

Draw = Callable[[random.Random], FeatureValue]


def index_after(then: Draw, now: Draw, window: int = 1_000) -> float:
    source = random.Random(4)
    watch = Distribution(window)
    for _ in range(window):
        watch.update(then(source))
    completed = [watch.update(now(source)) for _ in range(window)]
    assert completed == [False] * (window - 1) + [True]
    return watch.index


@pytest.mark.parametrize(
    "draw",
    [
        lambda r: r.gauss(0, 1),
        lambda r: r.choice("abc"),
        lambda r: r.random() < 0.2,
        lambda r: r.choice([1, None]),
    ],
    ids=["numbers", "categories", "bools", "missing"],
)
def test_the_same_distribution_again_has_a_small_index(draw: Draw) -> None:
    assert index_after(draw, draw) < 0.05


@pytest.mark.parametrize(
    ("then", "now"),
    [
        (lambda r: r.gauss(0, 1), lambda r: r.gauss(1, 1)),
        (lambda r: r.gauss(0, 1), lambda r: None),
        (lambda r: r.choice("ab"), lambda r: r.choice("bc")),
        (lambda r: r.random() < 0.1, lambda r: r.random() < 0.5),
        (lambda r: 7, lambda r: 8),
    ],
    ids=["a moved mean", "went missing", "a new category", "another share", "a constant"],
)
def test_a_shift_has_a_large_index(then: Draw, now: Draw) -> None:
    assert index_after(then, now) > 0.25


def test_the_index_is_that_of_the_textbook() -> None:
    then = reference_histogram(["a"] * 60 + ["b"] * 40)
    now = reference_histogram(["a"] * 40 + ["b"] * 60)

    # 0.2 ln(1.5) for each of the two bins.
    assert stability_index(then, now) == pytest.approx(2 * 0.2 * 0.4054651081)


def test_more_categories_than_are_kept_count_as_other() -> None:
    values = [f"c{number % 200}" for number in range(2_000)]

    histogram = reference_histogram(values)

    assert len(histogram.counts) == MAX_CATEGORIES + 1
    assert sum(histogram.shares.values()) == pytest.approx(1)


def test_it_goes_on_where_another_stood_through_json() -> None:
    source = random.Random(9)
    values = [source.choice([source.gauss(0, 1), "x", None, True]) for _ in range(450)]
    whole, begun = Distribution(100), Distribution(100)
    for value in values:
        whole.update(value)
    for value in values[:250]:
        begun.update(value)

    resumed = Distribution(100, msgspec.json.decode(msgspec.json.encode(begun.windows), type=Windows))
    for value in values[250:]:
        resumed.update(value)

    assert resumed.windows == whole.windows
    assert resumed.index == whole.index > 0
