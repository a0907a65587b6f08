"""Policy, budget and what was learned, joined."""

import math

import pytest
from riverrun_trainer.progress import Progress
from riverrun_trainer.publish_pace import PASSED_EVENTS, PASSED_S, PUSH_OVERHEAD_S, PublishPace

from riverrun.core.spec import PublishSpec
from riverrun.core.spec.policies import MetricChange
from riverrun.runtime import metrics


class Learned:
    """What a pace asks a `Learning` for."""

    def __init__(self, learned: int = 0, passed: int = 0, values: dict[str, float] | None = None) -> None:
        self.progress = Progress()
        self.progress.learned = learned
        self.passed = passed
        self.values = values or {}

    def metrics(self):
        return self.values


def bound(model: str) -> float:
    return metrics.BUDGET_BOUND.labels(model)._value.get()


def test_while_the_budget_holds_back_it_says_so_and_when_it_ends():
    learning = Learned(learned=1)
    pace = PublishPace("m1", PublishSpec(continuous=True, budget="20%"), learning, now_s=0.0)

    at_first = (pace.is_due(0.0), bound("m1"))
    pace.taken({}, 1.0, now_s=1.0)
    held_back = (pace.is_due(1.0), bound("m1"))
    free_s = pace.next_s(1.0)
    afterwards = (pace.is_due(free_s), bound("m1"))

    assert at_first == (True, 0)
    assert held_back == (False, 1)
    assert 3.5 < free_s - 1.0 < 4.0
    assert afterwards == (True, 0)


def test_the_overhead_of_a_push_counts_though_encoding_is_free():
    learning = Learned(learned=1)
    pace = PublishPace("m2", PublishSpec(continuous=True, budget="10%"), learning, now_s=0.0)
    pushes = 0

    for tick in range(100_000):
        now_s = tick / 10_000
        if pace.is_due(now_s):
            pace.taken({}, 0.0, now_s)
            pushes += 1

    assert pushes * PUSH_OVERHEAD_S / 10 == pytest.approx(0.1, rel=0.1)


def test_a_time_policy_says_when_to_ask_again():
    learning = Learned()
    pace = PublishPace("m3", PublishSpec(every="2s"), learning, now_s=10.0)

    idle = pace.next_s(10.5)
    learning.progress.learned = 1
    busy = pace.next_s(10.5)

    assert idle == math.inf
    assert busy == 12.0
    assert not pace.is_due(11.9)
    assert pace.is_due(12.0)


def test_a_metric_is_compared_with_that_of_the_last_version():
    learning = Learned(learned=1, values={"ROCAUC": 0.6})
    spec = PublishSpec(on_metric=MetricChange(metric="ROCAUC", change=0.05))
    pace = PublishPace("m4", spec, learning, now_s=0.0)

    first = pace.is_due(0.0)
    pace.taken({"ROCAUC": 0.6}, 0.0, now_s=0.0)
    learning.values = {"ROCAUC": 0.62}
    little = pace.is_due(1.0)
    learning.values = {"ROCAUC": 0.66}
    enough = pace.is_due(2.0)

    assert (first, little, enough) == (True, False, True)


def test_a_new_policy_counts_at_once():
    pace = PublishPace("m5", PublishSpec(every="1h"), Learned(learned=5), now_s=0.0)
    before = pace.is_due(1.0)

    pace.use(PublishSpec(every_events=5))

    assert not before
    assert pace.is_due(1.0)


def test_it_is_asked_again_when_the_count_of_its_policy_is_reached():
    learning = Learned(learned=2)
    pace = PublishPace("m6", PublishSpec(every="1h"), learning, now_s=0.0)
    without_count = pace.events_left

    pace.use(PublishSpec(every_events=5))
    before = pace.events_left
    learning.progress.learned = 5
    held_back = pace.events_left

    assert (without_count, before, held_back) == (math.inf, 3, math.inf)


def test_events_that_are_set_aside_alone_move_the_durable_position_in_time():
    learning = Learned()
    pace = PublishPace("m5", PublishSpec(every_events=1_000), learning, now_s=0.0)

    nothing = (pace.is_due(100.0), pace.next_s(100.0))
    learning.passed = 1
    soon = (pace.is_due(0.5), pace.next_s(0.5), pace.is_due(PASSED_S))
    learning.passed = PASSED_EVENTS
    many = pace.is_due(0.5)

    assert nothing == (False, math.inf)
    assert soon == (False, PASSED_S, True)
    assert many


def test_what_was_learned_is_published_by_the_policy_alone():
    learning = Learned(learned=1, passed=PASSED_EVENTS)
    pace = PublishPace("m6", PublishSpec(every_events=1_000), learning, now_s=0.0)

    assert not pace.is_due(1_000.0)
