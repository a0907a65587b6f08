"""What gates do to channels: pure decisions on a record."""

from __future__ import annotations

from dataclasses import replace

import pytest
from riverrun_param_server import gating
from riverrun_param_server.channel_moves import Hold, Resume, move
from riverrun_param_server.records import LineRecord, ModelRecord
from riverrun_param_server.spec_changes import NewSpec, first_spec, next_spec

from riverrun.core.verdicts import Verdict
from riverrun.core.versions import Channel

OPEN = NewSpec("m", b"open", b"digest")
ENFORCED = NewSpec("m", b"enforced", b"digest", enforced=True)


def pushed(record: ModelRecord, version: int) -> ModelRecord:
    line = record.lines[0]
    moved = gating.moved_by_push(record, line, version)
    return record.with_version(version, replace(line, head=version), moved)


def learned(spec: NewSpec, versions: int) -> ModelRecord:
    record = first_spec(spec, 1, 77).record
    for version in range(1, versions + 1):
        record = pushed(record, version)
    return record


def line(record: ModelRecord) -> LineRecord:
    return record.lines[0]


def where(record: ModelRecord) -> dict[str, tuple[int, int | None]]:
    return {channel.name: (channel.version, channel.follows) for channel in record.channels}


def passes(version: int) -> Verdict:
    return Verdict(version, True)


def holds(at: int) -> Verdict:
    return Verdict(9, False, hold_version=at)


def test_without_a_gate_pushes_move_live() -> None:
    assert where(learned(OPEN, 3)) == {"live": (3, 1)}


def test_an_enforcing_gate_lets_the_first_version_in_and_later_ones_go_to_candidate() -> None:
    assert where(learned(ENFORCED, 3)) == {"live": (1, 1), "candidate": (3, 1)}


def test_live_goes_to_a_version_that_passed_and_never_back_to_an_older_one() -> None:
    record = learned(ENFORCED, 5)

    found = gating.judged(record, line(record), passes(4))
    again = gating.judged(found.record, line(record), passes(3))

    assert (found.good, where(found.record)["live"]) == (4, (4, 1))
    assert where(again.record)["live"] == (4, 1)
    assert again.moved == ()


def test_a_version_that_passed_leaves_live_where_it_follows_at_once() -> None:
    record = learned(OPEN, 5)

    found = gating.judged(record, line(record), passes(4))

    assert (found.good, found.moved, where(found.record)) == (4, (), {"live": (5, 1)})


@pytest.mark.parametrize(("spec", "then"), [(OPEN, 6), (ENFORCED, 5)])
def test_a_hold_of_the_gate_ends_with_the_next_version_that_passes(spec: NewSpec, then: int) -> None:
    record = learned(spec, 5)
    held = gating.judged(record, line(record), holds(at=2)).record
    assert where(held)["live"] == (2, None)
    assert gating.is_held_by_gate(held)

    later = pushed(held, 6)
    assert where(later)["live"] == (2, None)
    found = gating.judged(later, line(later), passes(5))

    assert where(found.record)["live"] == (then, 1)
    assert found.moved[0].generation == held.channel("live").generation + 1


def test_a_hold_by_hand_is_nobody_elses_to_end() -> None:
    record = learned(OPEN, 5)
    by_hand = move(record, "live", Hold(3)).record

    refused = gating.judged(by_hand, line(record), holds(at=2))
    passed = gating.judged(refused.record, line(record), passes(4))

    assert where(passed.record)["live"] == (3, None)
    assert (refused.moved, passed.moved) == ((), ())


def test_any_move_by_hand_makes_a_hold_of_the_gate_a_persons() -> None:
    record = learned(OPEN, 5)
    held = gating.judged(record, line(record), holds(at=2)).record

    by_hand = move(move(held, "live", Resume(1)).record, "live", Hold(4)).record

    assert not gating.is_held_by_gate(by_hand)
    assert where(gating.judged(by_hand, line(record), passes(5)).record)["live"] == (4, None)


def test_of_versions_that_passed_by_themselves_the_newest_keep_their_mark() -> None:
    record = learned(OPEN, 40)
    gone: list[int] = []
    for version in range(1, 21):
        found = gating.judged(record, line(record), passes(version))
        record = found.record
        gone += found.not_good

    assert record.passed == tuple(range(5, 21))
    assert gone == [1, 2, 3, 4]


def test_a_mark_by_hand_does_not_go_by_itself() -> None:
    record = learned(OPEN, 40)
    record = gating.judged(record, line(record), passes(1)).record
    record = gating.marked_by_hand(record, 1)

    for version in range(2, 30):
        found = gating.judged(record, line(record), passes(version))
        record = found.record
        assert 1 not in found.not_good


def test_a_gate_that_enforces_no_more_lets_live_go_to_the_head_at_once() -> None:
    record = learned(ENFORCED, 5)

    change = next_spec(record, OPEN)

    assert change is not None
    assert where(change.record) == {"live": (5, 1)}
    assert change.record.channel("live").generation == record.channel("live").generation + 1


def test_a_gate_that_begins_to_enforce_leaves_live_where_it_is() -> None:
    record = learned(OPEN, 5)

    change = next_spec(record, ENFORCED)

    assert change is not None
    assert where(change.record) == {"live": (5, 1), "candidate": (5, 1)}
    assert where(pushed(change.record, 6)) == {"live": (5, 1), "candidate": (6, 1)}


def test_another_model_takes_candidate_and_the_gated_line_goes_on_without() -> None:
    record = learned(ENFORCED, 5)

    change = next_spec(record, NewSpec("m", b"other", b"other digest", enforced=True))

    assert change is not None
    assert where(change.record) == {"live": (1, 1), "candidate": (0, 2)}
    assert change.closed_lines == ()


def test_after_a_reset_live_follows_where_the_gate_had_held_it() -> None:
    record = learned(OPEN, 5)
    held = gating.judged(record, line(record), holds(at=2)).record
    fresh = LineRecord(2, b"open", b"digest", parent=2, head=2)

    resumed, moved = gating.resumed_after_reset(held.with_line(fresh), fresh)

    assert where(resumed)["live"] == (2, 2)
    assert moved == (Channel("live", held.channel("live").generation + 1, 2, 2),)
    by_hand = move(record, "live", Hold(3)).record
    assert gating.resumed_after_reset(by_hand, fresh) == (by_hand, ())
