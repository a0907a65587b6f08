"""The state of a line's head: verified steps, and nothing left behind by a step that failed."""

from __future__ import annotations

import pytest
from riverrun_param_server.line_state import LineState

from riverrun.core.digest import HashTree
from riverrun.core.errors import DigestMismatch, Exhausted, InvalidInput
from riverrun.core.units import EMPTY, Delta, SideDelta, State

BIG = 1 << 20


def roots_of(serving: dict[int, bytes], trainer: dict[int, bytes]) -> tuple[bytes, bytes]:
    return HashTree(serving).root, HashTree(trainer).root


def a_state() -> LineState:
    return LineState(State({0: b"a", 1: b"b"}, {2: b"t"}, 3))


def test_a_committed_step_is_the_state() -> None:
    state = a_state()
    delta = Delta(SideDelta({1: b"B", 3: b"c"}, frozenset({0})), SideDelta({2: b"T"}), 4)

    state.commit(state.prepare(delta, roots_of({1: b"B", 3: b"c"}, {2: b"T"}), snapshot=False, max_bytes=BIG))

    assert state.state() == State({1: b"B", 3: b"c"}, {2: b"T"}, 4)
    assert state.size == 3


def test_units_are_as_of_the_last_commit_while_a_step_is_prepared() -> None:
    state = a_state()
    before = state.state()

    state.prepare(
        Delta(SideDelta({0: b"x"}), SideDelta(), 3),
        roots_of({0: b"x", 1: b"b"}, {2: b"t"}),
        snapshot=False,
        max_bytes=BIG,
    )

    assert state.state() == before


def test_wrong_roots_are_refused_and_leave_the_state_as_it_was() -> None:
    state = a_state()
    before, roots = state.state(), state.roots

    with pytest.raises(DigestMismatch, match="trainer"):
        state.prepare(
            Delta(SideDelta({0: b"x", 9: b"n"}, frozenset({1})), SideDelta(), 10),
            roots_of({0: b"x", 9: b"n"}, {2: b"other"}),
            snapshot=False,
            max_bytes=BIG,
        )

    assert (state.state(), state.roots) == (before, roots)


def test_an_undone_step_leaves_the_roots_as_they_were() -> None:
    state = a_state()
    roots = state.roots
    delta = Delta(SideDelta({0: b"x", 5: b"y"}, frozenset({1})), SideDelta({}, frozenset({2})), 6)

    state.undo(state.prepare(delta, roots_of({0: b"x", 5: b"y"}, {}), snapshot=False, max_bytes=BIG))

    assert state.roots == roots


def test_a_snapshot_replaces_everything() -> None:
    state = a_state()

    step = state.prepare(
        Delta(SideDelta({7: b"n"}), SideDelta(), 8), roots_of({7: b"n"}, {}), snapshot=True, max_bytes=BIG
    )
    state.commit(step)

    assert state.state() == State({7: b"n"}, {}, 8)


def test_a_state_over_the_limit_is_refused_by_what_it_would_be() -> None:
    state = LineState(EMPTY)
    delta = Delta(SideDelta({0: b"x" * 11}), SideDelta(), 1)

    with pytest.raises(Exhausted, match="10 bytes"):
        state.prepare(delta, roots_of({0: b"x" * 11}, {}), snapshot=False, max_bytes=10)

    assert state.roots == LineState(EMPTY).roots


def test_a_number_on_both_sides_is_refused() -> None:
    state = a_state()
    roots = state.roots

    with pytest.raises(InvalidInput, match="unique"):
        state.prepare(
            Delta(SideDelta({2: b"x"}), SideDelta(), 3),
            roots_of({0: b"a", 1: b"b", 2: b"x"}, {2: b"t"}),
            snapshot=False,
            max_bytes=BIG,
        )

    assert state.roots == roots


def test_a_rounded_unit_has_its_exact_form_on_the_trainer_side_for_as_long_as_it_is_rounded() -> None:
    state = a_state()
    rounded = b"\x92\x24\x94\x28\x01\x91\xa1a\xc4\x02\x80\x3f"
    both = Delta(SideDelta({1: rounded}), SideDelta({1: b"exact"}), 3)
    roots = roots_of({0: b"a", 1: rounded}, {1: b"exact", 2: b"t"})

    state.commit(state.prepare(both, roots, snapshot=False, max_bytes=BIG))

    assert state.state() == State({0: b"a", 1: rounded}, {1: b"exact", 2: b"t"}, 3)
    with pytest.raises(InvalidInput, match="unique"):
        state.prepare(
            Delta(SideDelta({1: b"b"}), SideDelta(), 3),
            roots_of({0: b"a", 1: b"b"}, {1: b"exact", 2: b"t"}),
            snapshot=False,
            max_bytes=BIG,
        )
    assert state.roots == roots


def test_unit_numbers_never_go_back() -> None:
    with pytest.raises(InvalidInput, match="next_unit"):
        a_state().prepare(Delta(next_unit=2), a_state().roots, snapshot=False, max_bytes=BIG)
    with pytest.raises(InvalidInput, match="below next_unit"):
        a_state().prepare(
            Delta(SideDelta({7: b"x"}), SideDelta(), 4), a_state().roots, snapshot=False, max_bytes=BIG
        )
