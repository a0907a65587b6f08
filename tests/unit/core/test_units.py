"""Deltas compose and apply; what a unit holds is not looked at here."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from riverrun.core.units import EMPTY, Delta, SideDelta, State, compose

numbers = st.integers(min_value=0, max_value=40)
units = st.dictionaries(numbers, st.binary(max_size=3), max_size=12)


@st.composite
def side_deltas(draw: st.DrawFn) -> SideDelta:
    changed = draw(units)
    dropped = draw(st.frozensets(numbers, max_size=6)) - changed.keys()
    return SideDelta(changed, dropped)


deltas = st.builds(Delta, side_deltas(), side_deltas(), st.integers(min_value=0, max_value=99))


@given(state=st.builds(State, units, units, st.integers(0, 9)), steps=st.lists(deltas, max_size=5))
def test_a_chain_of_deltas_is_one_delta(state: State, steps: list[Delta]) -> None:
    one_by_one = state
    for step in steps:
        one_by_one = one_by_one.apply(step)

    assert state.apply(compose(steps)) == one_by_one


@given(before=units, delta=side_deltas())
def test_applying_in_place_does_the_same_and_applying_changes_nothing(
    before: dict[int, bytes], delta: SideDelta
) -> None:
    kept = dict(before)
    in_place = dict(before)

    after = delta.apply(before)
    delta.apply_in_place(in_place)

    assert in_place == after
    assert before == kept


@given(state=st.builds(State, units, units, st.integers(0, 9)))
def test_a_snapshot_is_a_delta_from_nothing(state: State) -> None:
    assert EMPTY.apply(state.as_snapshot()) == state


def test_a_delta_without_changes_is_false() -> None:
    assert not Delta(next_unit=5)
    assert Delta(SideDelta(dropped=frozenset({1})))
