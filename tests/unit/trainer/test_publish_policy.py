"""When versions are due, by condition and in combination."""

import math

import pytest
from riverrun_trainer.publish_policy import PublishPolicy, Unpublished

from riverrun.core.spec import PublishSpec
from riverrun.core.spec.policies import MetricChange


def policy(**conditions) -> PublishPolicy:
    if "every" in conditions:
        conditions["every"] = f"{conditions['every']}s"
    return PublishPolicy(PublishSpec(**conditions))


@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"continuous": True},
        {"every_events": 1},
        {"every": 1},
        {"on_metric": MetricChange(metric="ROCAUC", change=0.1)},
    ],
)
def test_nothing_learned_is_never_published(conditions):
    state = Unpublished(examples=0, taken_s=0.0, metric=1.0, published_metric=0.0)

    assert not policy(**conditions).should_publish(state, now_s=1e9)
    assert policy(**conditions).due_s(state) == math.inf


def test_without_conditions_every_example_is_due_at_once():
    assert policy().should_publish(Unpublished(1, taken_s=5.0), now_s=5.0)


def test_continuous_is_due_at_once_whatever_else_is_asked():
    state = Unpublished(1, taken_s=5.0)

    assert policy(continuous=True, every_events=100, every=60).should_publish(state, now_s=5.0)


@pytest.mark.parametrize(("examples", "due"), [(9, False), (10, True), (11, True)])
def test_a_count_is_due_when_it_is_reached(examples, due):
    assert policy(every_events=10).should_publish(Unpublished(examples, 0.0), now_s=1e9) is due


@pytest.mark.parametrize(("now_s", "due"), [(100.0, False), (101.99, False), (102.0, True), (500.0, True)])
def test_a_time_is_due_when_it_has_passed_since_the_last_version(now_s, due):
    state = Unpublished(1, taken_s=100.0)

    assert policy(every=2).should_publish(state, now_s) is due
    assert policy(every=2).due_s(state) == 102.0


@pytest.mark.parametrize(
    ("metric", "published", "due"),
    [(0.70, 0.61, False), (0.71, 0.61, True), (0.51, 0.61, True), (None, 0.61, False), (0.7, None, True)],
)
def test_a_metric_is_due_when_it_moved_far_enough_either_way(metric, published, due):
    watching = policy(on_metric=MetricChange(metric="ROCAUC", change=0.0999))

    assert watching.watched_metric == "ROCAUC"
    assert watching.should_publish(Unpublished(1, 0.0, metric, published), now_s=1e9) is due


def test_combined_conditions_are_due_at_whichever_comes_first():
    either = policy(every_events=10, every=2)

    assert either.should_publish(Unpublished(10, taken_s=100.0), now_s=100.1)
    assert either.should_publish(Unpublished(1, taken_s=100.0), now_s=102.0)
    assert not either.should_publish(Unpublished(9, taken_s=100.0), now_s=101.9)
    assert either.watched_metric is None
