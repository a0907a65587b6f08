"""Retries within a budget: what is tried again, how often, and after what wait."""

from __future__ import annotations

import random
import statistics

import pytest

from riverrun.client.http_errors import TryLater
from riverrun.client.retries import LONGEST_WAIT_S, PER_SECOND, RESERVE, Patience, RetryBudget
from riverrun.core.errors import NotReady, Unavailable


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def _busy(after_s: float | None = None) -> TryLater:
    return TryLater(Unavailable("serving", "busy"), after_s)


def test_half_of_all_calls_failing_makes_a_tenth_more_attempts_and_no_more() -> None:
    clock, chance = Clock(), random.Random(4)
    budget = RetryBudget(clock)
    calls, seconds, attempts = 60_000, 60.0, 0

    for _ in range(calls):
        clock.now += seconds / calls
        patience = Patience(budget)
        for _ in range(3):
            attempts += 1
            if chance.random() < 0.5 or not patience(_busy()):
                break

    # What is there at the start, and what a lone client may spend, are no shares of the calls.
    assert calls < attempts <= 1.1 * calls + RESERVE + PER_SECOND * seconds


def test_waits_have_full_jitter_up_to_a_bound_that_doubles() -> None:
    waits: list[list[float]] = [[], [], []]

    for _ in range(4000):
        patience = Patience(RetryBudget())
        for tries in waits:
            wait = patience(_busy())
            assert wait is not False
            tries.append(float(wait))

    for tries, longest_s in zip(waits, (0.1, 0.2, 0.4), strict=True):
        assert max(tries) <= longest_s
        assert min(tries) < 0.05 * longest_s
        assert statistics.fmean(tries) == pytest.approx(longest_s / 2, rel=0.1)


def test_the_server_says_how_long_to_wait_at_least() -> None:
    wait = Patience(RetryBudget())(_busy(3.0))

    assert 3.0 <= float(wait) <= 3.1


def test_what_cannot_become_right_is_never_tried_again() -> None:
    assert Patience(RetryBudget())(Unavailable("serving", "gone")) is False
    assert Patience(RetryBudget())(ValueError()) is False
    assert Patience(RetryBudget())(TryLater(NotReady("model m", "not trained yet"), 1.0)) is False


def test_without_budget_a_prediction_gives_up_and_feedback_waits_for_its_turn() -> None:
    clock = Clock()
    budget = RetryBudget(clock)
    while budget.take():
        pass

    assert Patience(budget)(_busy()) is False
    waits = [float(Patience(budget, within_s=30.0)(_busy())) for _ in range(5)]
    assert all(later >= earlier for earlier, later in zip(waits, waits[2:], strict=False))
    assert waits[-1] >= 4 / PER_SECOND - LONGEST_WAIT_S
    assert Patience(budget, within_s=1.0)(_busy()) is False


def test_the_budget_comes_back_with_time_and_with_calls() -> None:
    clock = Clock()
    budget = RetryBudget(clock)
    while budget.take():
        pass

    clock.now += 1 / PER_SECOND
    assert budget.take()
    assert not budget.take()
    for _ in range(11):
        budget.call()
    assert budget.take()
