"""The newest deltas in memory: which way they lead, and when there is none."""

from __future__ import annotations

import os
import tracemalloc

from riverrun_param_server.recent_deltas import INLINE_MAX, RecentDelta, RecentDeltas

from riverrun.codec.wire import decode_side, encode_side
from riverrun.core.units import SideDelta


def filled(*deltas: SideDelta, bound: int = 1 << 20) -> RecentDeltas:
    """Versions 2, 3, … each from the one before; arrivals 102, 103, …"""
    recent = RecentDeltas(bound)
    for i, delta in enumerate(deltas):
        recent.add(i + 2, RecentDelta(i + 1, delta, encode_side(delta), 102 + i))
    return recent


ONE, TWO, THREE = SideDelta({1: b"a", 2: b"b"}), SideDelta({1: b"A"}, frozenset({2})), SideDelta({2: b"c"})


def test_one_step_is_the_very_bytes() -> None:
    assert filled(ONE, TWO).path(2, 3, 0).encoded == encode_side(TWO)


def test_several_steps_are_composed_and_know_their_oldest_arrival() -> None:
    path = filled(ONE, TWO, THREE).path(1, 4, 0)

    assert path.encoded is not None
    assert decode_side(path.encoded, max_bytes=1 << 20).apply({}) == {1: b"A", 2: b"c"}
    assert path.oldest_arrival_ns == 102


def test_being_there_already_takes_nothing() -> None:
    assert filled(ONE).path(2, 2, 9).encoded == b""


def test_going_back_coming_from_nowhere_and_the_forgotten_have_no_way() -> None:
    recent = filled(ONE, TWO, THREE)

    for have, version in ((4, 2), (0, 3), (3, 9), (7, 4)):
        assert recent.path(have, version, 55).encoded is None
    assert recent.path(0, 3, 55).oldest_arrival_ns == 55


def test_what_is_over_the_bound_is_forgotten_oldest_first() -> None:
    kept = [RecentDelta(0, delta, encode_side(delta), 0).held_bytes for delta in (TWO, THREE)]
    recent = filled(ONE, TWO, THREE, bound=sum(kept))

    assert recent.path(1, 2, 0).encoded is None
    assert recent.path(2, 4, 0).encoded is not None


def test_the_bound_is_of_memory_not_of_content_alone() -> None:
    bound = 1 << 20
    tracemalloc.start()
    try:
        small = (SideDelta({n: os.urandom(20), n + 1: os.urandom(20)}) for n in range(10_000, 20_000))
        recent = filled(*small, bound=bound)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert recent.path(9_500, 10_001, 0).encoded is not None
    assert held < 1.3 * bound


def test_a_large_delta_is_not_carried_but_its_arrival_is_known() -> None:
    path = filled(SideDelta({1: os.urandom(INLINE_MAX)})).path(1, 2, 0)

    assert (path.encoded, path.oldest_arrival_ns) == (None, 102)
