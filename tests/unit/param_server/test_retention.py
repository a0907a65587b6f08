"""Which versions may go."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st
from riverrun_param_server.retention import HOUR_NS, MINUTE_NS, Aged, RetentionPolicy, Run, runs

POLICY = RetentionPolicy()
NOW = 1000 * 24 * HOUR_NS


def chain(*ages_ns: int, line: int = 1) -> list[Aged]:
    """Versions 1, 2, 3 … of these ages, each the base of the next."""
    return [Aged(i + 1, line, i, NOW - age) for i, age in enumerate(ages_ns)]


def test_everything_of_the_last_ten_minutes_stays() -> None:
    versions = chain(10 * MINUTE_NS, 10 * MINUTE_NS - 1, 5, 4, 3)

    assert POLICY.droppable(versions, (), NOW) == set()


def test_the_newest_of_each_minute_stays_for_a_day() -> None:
    # NOW is a whole minute, so these are three versions of one minute and two of the next.
    hour, next_minute = HOUR_NS, HOUR_NS - MINUTE_NS
    versions = chain(hour, hour - 1, hour - 2, next_minute, next_minute - 1)

    assert POLICY.droppable(versions, (), NOW) == {1, 2, 4}


def test_the_newest_of_each_hour_stays_for_thirty_days_and_then_goes() -> None:
    two_days, forty_days = 48 * HOUR_NS, 40 * 24 * HOUR_NS
    # NOW is a whole hour, so the last three are of one hour.
    start = two_days - 1
    versions = chain(forty_days, start, start - MINUTE_NS, start - 2 * MINUTE_NS)

    assert POLICY.droppable(versions, (), NOW) == {1, 2, 3}


def test_what_is_held_stays_whatever_its_age() -> None:
    versions = chain(40 * 24 * HOUR_NS, 39 * 24 * HOUR_NS)

    assert POLICY.droppable(versions, {1}, NOW) == {2}


def test_each_line_keeps_its_own() -> None:
    versions = [Aged(1, 1, 0, NOW - HOUR_NS), Aged(2, 2, 0, NOW - HOUR_NS)]

    assert POLICY.droppable(versions, (), NOW) == set()


def steps(versions: list[Aged], droppable: set[int], length: int, *, complete: bool = True) -> list[Run]:
    return list(runs(versions, droppable, length, complete=complete))


def test_a_run_goes_onto_the_first_version_that_stays() -> None:
    assert steps(chain(5, 4, 3, 2, 1), {2, 3}, 10) == [Run((2, 3), onto=4)]


def test_a_long_run_goes_in_steps() -> None:
    assert steps(chain(5, 4, 3, 2, 1), {1, 2, 3, 4}, 2) == [Run((1, 2), onto=3), Run((3, 4), onto=5)]


def test_a_leaf_goes_onto_nothing_when_all_versions_are_known() -> None:
    assert steps(chain(3, 2, 1), {3}, 10) == [Run((3,), onto=0)]
    assert steps(chain(3, 2, 1), {3}, 10, complete=False) == []


def test_a_version_from_which_two_others_start_stays() -> None:
    versions = [Aged(1, 1, 0, 0), Aged(2, 1, 1, 0), Aged(3, 1, 2, 0), Aged(4, 2, 2, 0)]

    assert steps(versions, {2}, 10) == []
    assert steps(versions, {1, 2}, 10) == [Run((1,), onto=2)]


@given(
    st.lists(st.tuples(st.integers(1, 2), st.integers(0, 40 * 24 * 3600)), min_size=1, max_size=60),
    st.integers(0, 10**6),
)
@example([(1, 1), (1, 2)], 86_399)
@example([(1, 1), (1, 2)], 599)
@settings(max_examples=200, deadline=None)
def test_what_a_tier_keeps_is_what_may_not_go(made: list[tuple[int, int]], later_s: int) -> None:
    ages = sorted((age for _, age in made), reverse=True)
    versions = [
        Aged(i + 1, line, i, NOW - age * 10**9)
        for i, ((line, _), age) in enumerate(zip(made, ages, strict=True))
    ]
    now = NOW + later_s * 10**9

    may_go = POLICY.droppable(versions, (), now)

    for i, aged in enumerate(versions):
        after = next((v.created_ns for v in versions[i + 1 :] if v.line == aged.line), None)
        assert (POLICY.tier(aged.created_ns, after, now) == "") == (aged.version in may_go)
