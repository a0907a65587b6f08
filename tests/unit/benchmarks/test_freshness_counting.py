"""How freshness is counted from records of what was sent and taken; nothing is measured here."""

from __future__ import annotations

import pytest

from benchmarks.figures import against, bounded
from benchmarks.freshness import Probe, Sent, check_answers, delays_ms

MS = 1_000_000


def test_an_event_is_fresh_at_the_first_swap_that_had_learned_it() -> None:
    sent = Sent([10 * MS, 11 * MS, 12 * MS], [], 0.0)
    swaps = [(100, 5 * MS), (102, 20 * MS), (103, 30 * MS)]

    assert list(delays_ms(sent, 100, swaps)) == [10.0, 9.0, 18.0]


def test_an_event_that_was_never_served_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="event 101 of 102 was never served"):
        delays_ms(Sent([1, 2], [], 0.0), 100, [(101, 3)])


@pytest.mark.parametrize("version", [7, 8])
def test_an_answer_by_what_was_in_use_meanwhile_passes(version: int) -> None:
    probe = Probe(process=0, asked_ns=15, answered_ns=25, version=version)

    assert check_answers([probe], 0, [(7, 10), (8, 20)]) == 1


@pytest.mark.parametrize("version", [6, 9])
def test_an_answer_by_anything_else_is_an_error(version: int) -> None:
    probe = Probe(process=0, asked_ns=15, answered_ns=25, version=version)

    with pytest.raises(RuntimeError, match="answered by"):
        check_answers([probe], 0, [(6, 5), (7, 10), (8, 20)])


def test_a_figure_says_whether_its_target_holds() -> None:
    slow = against("a", 7.0, "ms", reference="other", reference_value=5.0, better="lower")
    fast = against("b", 9.0, "1/s", reference="other", reference_value=10.0, at_least=0.8)
    bound = bounded("c", 5.5, "ms", at_most=5, reference="other", reference_value=50.0)

    assert (slow.holds, fast.holds, bound.holds) == (False, True, False)
    assert (slow.ratio, fast.ratio, bound.ratio) == (1.4, 0.9, 0.11)
