"""A challenger that is as good passes at the window's end; a bad one is refused long before."""

from __future__ import annotations

import random

import pytest

from riverrun.evaluation.gate import Comparison, Verdict


def compared(excess: float, *, seed: int, examples: int = 500, margin: float = 0.0) -> Comparison:
    """Losses of two models that find the same examples hard, until a verdict or ten windows are over."""
    source = random.Random(seed)
    comparison = Comparison(examples, margin=margin)
    while comparison.verdict is Verdict.UNDECIDED and comparison.count < 10 * examples:
        hard = source.uniform(0.1, 0.8)
        comparison.update(hard, min(max(hard + excess + source.gauss(0, 0.05), 0.0), 1.0))
    return comparison


def test_an_equal_challenger_passes_at_the_end_of_the_window() -> None:
    found = [compared(-0.005, seed=seed) for seed in range(50)]

    assert {comparison.verdict for comparison in found} == {Verdict.PASSES}
    assert {comparison.count for comparison in found if comparison.excess_loss < -0.002} == {500}


def test_a_challenger_fed_flipped_labels_is_refused_within_a_fraction_of_the_window() -> None:
    comparison = compared(0.3, seed=1)

    assert comparison.verdict is Verdict.REFUSED
    assert comparison.count < 100
    assert comparison.excess_loss == pytest.approx(0.3, abs=0.05)


def test_an_equal_challenger_is_refused_less_often_than_alpha() -> None:
    refused = sum(compared(0.0, seed=seed, examples=200).verdict is Verdict.REFUSED for seed in range(200))

    assert refused <= 2


def test_a_slightly_worse_one_passes_within_the_margin_only() -> None:
    assert compared(0.02, seed=3, margin=0.05).verdict is Verdict.PASSES
    assert compared(0.02, seed=3).verdict is Verdict.REFUSED


def test_a_window_that_cannot_tell_goes_on() -> None:
    comparison = Comparison(2)
    comparison.update(0.1, 0.2)
    comparison.update(0.1, 0.2)

    assert comparison.verdict is Verdict.UNDECIDED


@pytest.mark.parametrize("loss", [-0.1, 1.1, float("nan")])
def test_losses_outside_their_bounds_are_refused(loss: float) -> None:
    comparison = Comparison(10)

    with pytest.raises(ValueError, match="expected a loss"):
        comparison.update(0.5, loss)

    assert comparison.count == 0


@pytest.mark.parametrize(("examples", "margin"), [(0, 0.0), (10, -0.1), (10, 1.0)])
def test_impossible_windows_are_refused(examples: int, margin: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        Comparison(examples, margin=margin)
