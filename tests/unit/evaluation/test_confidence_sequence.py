"""The interval holds at all times at once, and closes around the mean."""

from __future__ import annotations

import random

import pytest

from riverrun.evaluation.confidence_sequence import ConfidenceSequence


def test_before_the_first_value_anything_within_the_bounds_is_possible() -> None:
    sequence = ConfidenceSequence(-2.0, 3.0)

    assert (sequence.interval.low, sequence.interval.high) == (-2.0, 3.0)
    assert sequence.mean == 0.5


def test_the_mean_is_ever_outside_less_often_than_alpha() -> None:
    experiments, alpha = 400, 0.1

    wrong = sum(ever_wrong(random.Random(seed), alpha) for seed in range(experiments))

    # Four standard deviations above alpha; looking 500 times at 90 % intervals would be wrong in most.
    assert wrong <= experiments * (alpha + 4 * (alpha * (1 - alpha) / experiments) ** 0.5)


def ever_wrong(source: random.Random, alpha: float) -> bool:
    sequence = ConfidenceSequence(0.0, 1.0, alpha=alpha)
    for _ in range(500):
        sequence.update(float(source.random() < 0.3))
        if 0.3 not in sequence.interval:
            return True
    return False


def test_values_that_vary_little_give_a_narrower_interval() -> None:
    source = random.Random(3)
    steady, wild = ConfidenceSequence(0.0, 1.0), ConfidenceSequence(0.0, 1.0)

    for _ in range(2_000):
        steady.update(0.5 + source.uniform(-0.01, 0.01))
        wild.update(float(source.random() < 0.5))

    assert 0.5 in steady.interval
    assert 0.5 in wild.interval
    assert width(steady) < width(wild) / 2 < 0.05


def width(sequence: ConfidenceSequence) -> float:
    return sequence.interval.high - sequence.interval.low


def test_other_bounds_scale_the_interval() -> None:
    source = random.Random(5)
    unit, scaled = ConfidenceSequence(0.0, 1.0), ConfidenceSequence(-10.0, 30.0)

    for _ in range(300):
        value = source.random()
        unit.update(value)
        scaled.update(-10.0 + 40.0 * value)

    assert scaled.interval.low == pytest.approx(-10 + 40 * unit.interval.low)
    assert scaled.interval.high == pytest.approx(-10 + 40 * unit.interval.high)
    assert scaled.mean == pytest.approx(-10 + 40 * unit.mean)


def test_its_sums_alone_go_on_where_it_stood() -> None:
    source = random.Random(7)
    whole = ConfidenceSequence(0.0, 1.0)
    resumed = ConfidenceSequence(0.0, 1.0)
    values = [source.random() for _ in range(200)]

    for value in values[:100]:
        whole.update(value)
    resumed.sums = whole.sums
    for value in values[100:]:
        whole.update(value)
        resumed.update(value)

    assert resumed.sums == whole.sums


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_value_outside_the_bounds_is_refused_and_changes_nothing(value: float) -> None:
    sequence = ConfidenceSequence(0.0, 1.0)

    with pytest.raises(ValueError, match="expected a value in"):
        sequence.update(value)

    assert sequence.count == 0


@pytest.mark.parametrize(("low", "high", "alpha"), [(1.0, 1.0, 0.05), (0.0, float("inf"), 0.05), (0, 1, 0)])
def test_impossible_bounds_and_chances_are_refused(low: float, high: float, alpha: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        ConfidenceSequence(low, high, alpha=alpha)
