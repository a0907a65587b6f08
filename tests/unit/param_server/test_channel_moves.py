"""Where channels go, decided on a record alone. Durability and fencing are shown in integration."""

from __future__ import annotations

import pytest
from riverrun_param_server.channel_moves import FollowLine, Hold, Remove, Resume, move
from riverrun_param_server.records import LineRecord, ModelRecord

from riverrun.core.errors import InvalidInput, NotFound, NotReady, StaleBase
from riverrun.core.versions import Channel


def a_record(*channels: Channel, lines: tuple[LineRecord, ...] | None = None) -> ModelRecord:
    lines = lines or (LineRecord(1, b"", b"", head=9), LineRecord(2, b"", b"", head=7))
    return ModelRecord(1, "m", b"", 1, 0, next_version=10, next_line=3, lines=lines, channels=channels)


LIVE = Channel("live", 5, 9, 1)
CANDIDATE = Channel("candidate", 3, 7, 2)


def test_hold_moves_the_pointer_one_generation_forward() -> None:
    moved = move(a_record(LIVE), "live", Hold(4))

    assert moved.channel == Channel("live", 6, 4, None)
    assert moved.previous == LIVE
    assert moved.record.channel("live") == moved.channel


def test_holding_where_it_is_held_already_changes_nothing() -> None:
    held = Channel("live", 6, 4, None)

    moved = move(a_record(held), "live", Hold(4))

    assert moved.record == a_record(held)
    assert moved.channel == held


def test_resume_follows_the_line_of_the_held_version_at_its_head() -> None:
    moved = move(a_record(Channel("live", 6, 4, None)), "live", Resume(1))

    assert moved.channel == Channel("live", 7, 9, 1)


def test_resume_on_a_closed_line_follows_where_its_learning_went_on() -> None:
    lines = (LineRecord(1, b"", b"", head=9, closed=True, successor=2), LineRecord(2, b"", b"", head=7))

    moved = move(a_record(Channel("live", 6, 4, None), lines=lines), "live", Resume(1))

    assert moved.channel == Channel("live", 7, 7, 2)


def test_promoting_a_line_closes_the_old_one_and_removes_the_candidate() -> None:
    moved = move(a_record(LIVE, CANDIDATE), "live", FollowLine(2, old_line=1))

    assert moved.channel == Channel("live", 6, 7, 2)
    assert moved.closed_line == 1
    old = moved.record.line(1)
    assert old is not None
    assert (old.closed, old.successor) == (True, 2)
    assert moved.record.channel("candidate") is None


def test_a_removed_channel_comes_back_above_its_old_generation() -> None:
    promoted = move(a_record(LIVE, CANDIDATE), "live", FollowLine(2, old_line=1)).record

    again = move(promoted, "candidate", Hold(7))

    assert again.channel.generation > CANDIDATE.generation


def test_a_line_that_another_channel_follows_stays_open() -> None:
    other = Channel("slow", 1, 9, 1)

    moved = move(a_record(LIVE, other), "live", FollowLine(2, old_line=1))

    assert moved.closed_line == 0


def test_a_line_stays_open_while_live_is_held_on_it_and_another_channel_leaves() -> None:
    held, other = Channel("live", 5, 4, None), Channel("slow", 1, 9, 1)

    moved = move(a_record(held, other), "slow", FollowLine(2, old_line=1, others_on_old=True))

    assert moved.closed_line == 0


def test_a_line_without_a_version_cannot_be_followed() -> None:
    lines = (LineRecord(1, b"", b"", head=9), LineRecord(2, b"", b""))

    with pytest.raises(NotReady, match="line 2"):
        move(a_record(LIVE, lines=lines), "live", FollowLine(2, old_line=1))


def test_an_unknown_line_and_a_closed_one_are_refused_naming_the_open_ones() -> None:
    lines = (LineRecord(1, b"", b"", head=9), LineRecord(2, b"", b"", head=7, closed=True))

    with pytest.raises(NotFound, match="3"):
        move(a_record(LIVE, lines=lines), "live", FollowLine(3, old_line=1))
    with pytest.raises(InvalidInput, match="open line"):
        move(a_record(LIVE, lines=lines), "live", FollowLine(2, old_line=1))


def test_another_generation_than_the_decision_was_made_on_is_stale() -> None:
    with pytest.raises(StaleBase) as caught:
        move(a_record(LIVE), "live", Hold(4), base_generation=4)

    assert (caught.value.current, caught.value.given) == (5, 4)


def test_live_cannot_be_removed_and_others_can() -> None:
    with pytest.raises(InvalidInput, match="live"):
        move(a_record(LIVE), "live", Remove())

    assert move(a_record(LIVE, CANDIDATE), "candidate", Remove()).record.channel("candidate") is None


@pytest.mark.parametrize("name", ["", "Live", "a b", "x" * 64, "-a"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="channel"):
        move(a_record(LIVE), name, Hold(4))
