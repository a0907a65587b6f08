"""The holdout blends old and recent, takes its share, and depends on the events alone."""

from __future__ import annotations

import msgspec
import pytest

from riverrun.core.events import Example
from riverrun.evaluation.holdout import HeldOut, HeldOutExamples, Holdout


def held(number: int) -> HeldOut:
    return HeldOut(f"event-{number}", number, Example({"a": float(number)}, True))


def filled(count: int, *, history: int = 50, recent: int = 20) -> Holdout:
    holdout = Holdout(0.1, history=history, recent=recent)
    for number in range(count):
        holdout.add(held(number))
    return holdout


def times(holdout: Holdout) -> list[int]:
    return [one.time_ns for one in holdout]


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5])
def test_it_takes_its_share_of_all_ids_and_always_the_same(share: float) -> None:
    first, second = Holdout(share), Holdout(share)
    ids = [f"event-{number}" for number in range(10_000)]

    taken = [event_id for event_id in ids if first.takes(event_id)]

    assert len(taken) == pytest.approx(10_000 * share, rel=0.1, abs=0)
    assert taken == [event_id for event_id in ids if second.takes(event_id)]


def test_a_larger_share_takes_what_a_smaller_one_took() -> None:
    ids = [f"event-{number}" for number in range(2_000)]
    small, large = Holdout(0.05), Holdout(0.2)

    assert all(large.takes(event_id) for event_id in ids if small.takes(event_id))


def test_the_newest_are_all_held_and_the_old_are_a_uniform_sample() -> None:
    holdout = filled(10_000, history=500, recent=20)

    assert times(holdout)[-20:] == list(range(9_980, 10_000))
    old = times(holdout)[:-20]
    assert len(set(old)) == 500
    # Each fifth of the past has its fifth, within five standard deviations.
    fifths = [sum(begin <= time < begin + 1_996 for time in old) for begin in range(0, 9_980, 1_996)]
    assert all(abs(fifth - 100) < 45 for fifth in fifths)


def test_it_goes_on_where_another_stood_through_json() -> None:
    whole, resumed = filled(300), Holdout(0.1, history=50, recent=20)
    resumed.state = msgspec.json.decode(msgspec.json.encode(filled(200).state), type=HeldOutExamples)
    for number in range(200, 300):
        resumed.add(held(number))

    assert list(resumed) == list(whole)


def test_smaller_sizes_keep_the_newest_of_what_was_held() -> None:
    smaller = Holdout(0.1, history=10, recent=5)
    smaller.state = filled(300).state

    assert len(smaller) == 15
    assert times(smaller)[-5:] == list(range(295, 300))


@pytest.mark.parametrize(
    ("share", "history", "recent"), [(1.0, 1, 1), (-0.1, 1, 1), (0.1, 0, 1), (0.1, 1, 0)]
)
def test_impossible_shares_and_sizes_are_refused(share: float, history: int, recent: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        Holdout(share, history=history, recent=recent)
