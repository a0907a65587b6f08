"""How often versions may be published, and what is said of it."""

import pytest
from riverrun_trainer.publish_budget import BURST_S, PublishBudget


def test_a_fresh_budget_is_free_at_once():
    assert PublishBudget(0.2, now_s=100.0).free_s(100.0) <= 100.0


def test_a_burst_is_free_and_what_goes_beyond_it_is_paid_back():
    budget = PublishBudget(0.2, now_s=0.0)

    budget.spend(0.2 * BURST_S, now_s=0.0)
    within = budget.free_s(0.0)
    budget.spend(0.3, now_s=0.0)

    assert within <= 0.0
    assert budget.free_s(0.0) == pytest.approx(1.5)
    assert budget.free_s(1.0) == pytest.approx(1.5)
    assert budget.free_s(2.0) <= 2.0


@pytest.mark.parametrize("cost_s", [0.005, 0.02, 0.3])
@pytest.mark.parametrize("share", [0.05, 0.2, 1.0])
def test_over_a_long_time_publishing_takes_the_share_and_no_more(cost_s, share):
    budget = PublishBudget(share, now_s=0.0)
    now_s = spent_s = 0.0

    while now_s < max(100.0, 1000 * cost_s):
        now_s = max(now_s, budget.free_s(now_s)) + cost_s
        budget.spend(cost_s, now_s)
        spent_s += cost_s

    assert spent_s / now_s == pytest.approx(share, rel=0.02)
    assert budget.recent_share(now_s) == pytest.approx(share, rel=0.35)


def test_a_clock_that_stands_still_gives_nothing_back():
    budget = PublishBudget(0.2, now_s=10.0)
    budget.spend(1.0, now_s=10.0)

    assert budget.free_s(10.0) == budget.free_s(10.0) > 14.0


def test_a_larger_share_frees_sooner():
    budget = PublishBudget(0.1, now_s=0.0)
    budget.spend(1.0, now_s=0.0)

    budget.share = 0.5

    assert budget.free_s(0.0) < 2.0
