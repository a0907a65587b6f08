"""Which conditions start a retrain, by a clock of the test's own."""

from __future__ import annotations

from typing import Any

import pytest

from riverrun.core.spec.triggers import TriggerSpec
from riverrun.evaluation.triggers import Due, Facts, Found, Since, due

SECOND = 10**9
DAY = 86_400 * SECOND
MONDAY = 1_795_392_000 * SECOND
"""A day's first moment, UTC."""


def trigger(**condition: Any) -> TriggerSpec:
    return TriggerSpec.model_validate(condition)


def facts(now_ns: int = MONDAY, examples: int = 0, **rest: Any) -> Facts:
    return Facts(now_ns, examples, **rest)


def test_a_drift_counts_once_and_only_after_the_retrain_before() -> None:
    when = [trigger(drift="any")]
    known = facts(drifts={"a": Found(MONDAY, MONDAY - 5), "b": Found(MONDAY + 7, MONDAY)})

    assert due(when, known, Since(MONDAY - 1)) == Due("drift")
    assert due(when, known, Since(MONDAY + 6)) == Due("drift")
    assert due(when, known, Since(MONDAY + 7)) is None
    assert due(when, facts(), Since(0)) is None


def test_a_trigger_of_one_detector_hears_of_that_alone() -> None:
    known = facts(drifts={"a": Found(MONDAY, MONDAY)})

    assert due([trigger(drift="a")], known, Since(0)) == Due("drift by a")
    assert due([trigger(drift="b")], known, Since(0)) is None


def test_what_was_before_a_drift_is_left_out_where_that_is_asked_for() -> None:
    known = facts(drifts={"a": Found(MONDAY + 5, MONDAY), "b": Found(MONDAY + 9, MONDAY + 4)})

    assert due([trigger(drift="any", since_drift=True)], known, Since(0)) == Due("drift", MONDAY + 4)
    assert due([trigger(drift="a", since_drift=True)], known, Since(0)) == Due("drift by a", MONDAY)


@pytest.mark.parametrize(
    ("condition", "value", "holds"),
    [
        ({"below": 0.7}, 0.69, True),
        ({"below": 0.7}, 0.7, False),
        ({"above": 0.5}, 0.51, True),
        ({"above": 0.5}, 0.5, False),
        ({"above": 0.0}, 0.1, True),
        ({"below": 0.7}, None, False),
    ],
)
def test_a_metric_is_held_against_its_bound(
    condition: dict[str, float], value: float | None, holds: bool
) -> None:
    metrics = {} if value is None else {"ROCAUC": value}

    found = due([trigger(metric="ROCAUC", **condition)], facts(metrics=metrics), Since(0))

    assert (found is not None) == holds


def test_a_schedule_is_due_once_in_each_period_at_its_time_of_day() -> None:
    when = [trigger(schedule="24h", at="3h")]
    three = MONDAY + 3 * 3600 * SECOND

    assert due(when, facts(three - 1), Since(three - DAY)) is None
    assert due(when, facts(three), Since(three - DAY)) == Due("every 1d")
    assert due(when, facts(three + DAY - 1), Since(three)) is None
    assert due(when, facts(three + 5 * DAY), Since(three)) == Due("every 1d")


def test_volume_and_staleness_are_counted_from_the_retrain_before() -> None:
    since = Since(MONDAY, 1_000)

    assert due([trigger(examples=500)], facts(examples=1_499), since) is None
    assert due([trigger(examples=500)], facts(examples=1_500), since) == Due("500 examples")
    assert due([trigger(stale="2d")], facts(MONDAY + 2 * DAY - 1), since) is None
    assert due([trigger(stale="2d")], facts(MONDAY + 2 * DAY), since) == Due("2d without a retrain")


def test_conditions_are_combined_by_all_and_by_any() -> None:
    both = trigger(all=[{"drift": "a", "since_drift": True}, {"metric": "LogLoss", "above": 0.6}])
    drifts = {"a": Found(MONDAY, MONDAY)}

    assert due([both], facts(drifts=drifts, metrics={"LogLoss": 0.5}), Since(0)) is None
    assert due([both], facts(metrics={"LogLoss": 0.7}), Since(0)) is None
    found = due([both], facts(drifts=drifts, metrics={"LogLoss": 0.7}), Since(0))
    assert found == Due("drift by a and LogLoss above 0.6", MONDAY)
    assert due([both, trigger(examples=5)], facts(examples=5), Since(0)) == Due("5 examples")
