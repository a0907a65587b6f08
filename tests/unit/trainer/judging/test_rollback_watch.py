"""When live is beyond its bound, and when the newest weights may take its place."""

import pytest
from riverrun_trainer.judging.rollback_watch import RollbackWatch

from riverrun.core.predictions import Prediction
from riverrun.core.spec import parse_spec

SPEC = parse_spec(
    """
name: toy
task: binary
model: [linear_model.LogisticRegression]
metrics: [Accuracy]
gate: {rollback: {metric: Accuracy, below: 0.6, over: 10, windows: 2}}
"""
)


@pytest.fixture
def watch() -> RollbackWatch:
    assert SPEC.gate.rollback is not None
    return RollbackWatch(SPEC, SPEC.gate.rollback)


def windows(watch: RollbackWatch, count: int, *, live: bool, newest: bool) -> list[bool]:
    """Which of the examples ended a window; every label is true."""
    return [watch.update(True, Prediction(live), Prediction(newest)) for _ in range(10 * count)]


def test_live_is_breached_after_as_many_windows_on_end_as_make_a_case(watch):
    ended = windows(watch, 1, live=False, newest=True)
    after_one = watch.is_breached
    windows(watch, 1, live=False, newest=True)

    assert ended == [False] * 9 + [True]
    assert (after_one, watch.is_breached, watch.value) == (False, True, 0.0)
    assert watch.reason() == "Accuracy was 0, below 0.6"


def test_the_newest_weights_are_judged_by_their_own_answers(watch):
    at_first = watch.is_kept_by_newest(for_long=True)
    windows(watch, 1, live=True, newest=False)
    worse = watch.is_kept_by_newest(for_long=False)
    windows(watch, 1, live=False, newest=True)
    better = watch.is_kept_by_newest(for_long=False)

    assert (at_first, worse, better) == (True, False, True)


def test_for_long_they_keep_it_only_after_as_many_windows(watch):
    windows(watch, 1, live=False, newest=True)
    after_one = watch.is_kept_by_newest(for_long=True)
    windows(watch, 1, live=False, newest=True)

    assert (after_one, watch.is_kept_by_newest(for_long=True)) == (False, True)


def test_started_anew_no_window_counts_any_more(watch):
    windows(watch, 2, live=False, newest=True)

    watch.start_anew()
    windows(watch, 1, live=False, newest=True)

    assert not watch.is_breached
    assert not watch.is_kept_by_newest(for_long=True)
