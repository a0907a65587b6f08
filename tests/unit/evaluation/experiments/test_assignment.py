"""A key has one arm, everywhere and for good; the shares are those declared."""

from __future__ import annotations

from collections import Counter

import pytest

from riverrun.evaluation.experiments import ArmShare, Assignment

HALVES = [ArmShare("live", 0.5), ArmShare("hourly", 0.5)]
KEYS = [f"user-{i}" for i in range(20_000)]


def test_a_key_keeps_its_arm_and_its_hash_is_pinned() -> None:
    first, second = Assignment("sync", HALVES), Assignment("sync", HALVES)

    assert [first.arm_of(key) for key in KEYS[:100]] == [second.arm_of(key) for key in KEYS[:100]]
    # Another hash would move users between arms at an upgrade.
    assert [first.arm_of(key) for key in KEYS[:6]] == PINNED


PINNED = ["hourly", "live", "hourly", "hourly", "hourly", "hourly"]


def test_arms_get_their_shares_and_the_rest_takes_no_part() -> None:
    assignment = Assignment("sync", [ArmShare("a", 0.1), ArmShare("b", 0.3)])

    counts = Counter(assignment.arm_of(key) for key in KEYS)

    assert counts["a"] == pytest.approx(2_000, rel=0.1)
    assert counts["b"] == pytest.approx(6_000, rel=0.1)
    assert counts[None] == pytest.approx(12_000, rel=0.1)


def test_two_experiments_divide_the_same_keys_independently() -> None:
    first, second = Assignment("one", HALVES), Assignment("two", HALVES)

    both = sum(first.arm_of(key) == second.arm_of(key) == "live" for key in KEYS)

    assert both == pytest.approx(5_000, rel=0.1)


def test_more_arms_of_the_rest_move_no_key_that_had_one() -> None:
    small = Assignment("sync", [ArmShare("a", 0.1)])
    wide = Assignment("sync", [ArmShare("a", 0.1), ArmShare("b", 0.9)])

    assert all(wide.arm_of(key) == "a" for key in KEYS if small.arm_of(key) == "a")
    assert all(wide.arm_of(key) is not None for key in KEYS)


@pytest.mark.parametrize(
    "arms", [[], [ArmShare("a", 0.0)], [ArmShare("a", 1.5)], [ArmShare("a", 0.6), ArmShare("b", 0.6)]]
)
def test_impossible_shares_are_refused(arms: list[ArmShare]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Assignment("sync", arms)
