"""Going on from an older version, decided on a record alone."""

from __future__ import annotations

from riverrun_param_server.records import LineRecord, ModelRecord
from riverrun_param_server.resets import positions_of, ranges_between, reset

from riverrun.core.events import OffsetRange, Stream
from riverrun.core.versions import Channel, Manifest

EXAMPLES = Stream.EXAMPLES


def a_manifest(version: int, offset: int, line: int = 1) -> Manifest:
    return Manifest("m", version, line, version - 1, 1, b"", b"", b"", b"", 0, 0, {EXAMPLES: {0: offset}})


def a_record() -> ModelRecord:
    return ModelRecord(
        1,
        "m",
        b"s",
        1,
        0,
        next_version=10,
        next_line=2,
        lines=(LineRecord(1, b"s", b"d", head=9, epoch=4),),
        channels=(Channel("live", 5, 9, 1), Channel("pinned", 2, 3, None)),
    )


def test_replay_starts_at_the_positions_of_the_older_version() -> None:
    found = reset(a_record(), a_manifest(4, offset=40), None)

    assert found.line.start == {EXAMPLES: {0: 40}}
    assert found.line.skipped == ()
    assert (found.line.parent, found.line.head, found.line.pushed) == (4, 4, False)


def test_skip_starts_where_the_old_line_stands_and_names_what_is_left_out() -> None:
    found = reset(a_record(), a_manifest(4, offset=40), {EXAMPLES: {0: 90}})

    assert found.line.start == {EXAMPLES: {0: 90}}
    assert found.line.skipped == (OffsetRange(EXAMPLES, 0, 40, 90),)


def test_channels_that_follow_the_old_line_follow_the_new_one_at_once() -> None:
    found = reset(a_record(), a_manifest(4, offset=40), None)

    assert found.moved == (Channel("live", 6, 4, 2),)
    assert found.record.channel("pinned") == Channel("pinned", 2, 3, None)
    old = found.record.line(1)
    assert old is not None
    assert (old.closed, old.successor, found.closed_line) == (True, 2, 1)


def test_a_reset_to_a_version_of_a_closed_line_takes_over_from_its_successor() -> None:
    first = reset(a_record(), a_manifest(4, offset=40), None)

    second = reset(first.record, a_manifest(2, offset=20), None)

    assert second.closed_line == 2
    assert second.record.channel("live") == Channel("live", 7, 2, 3)


def test_ranges_name_only_what_lies_between() -> None:
    start = {EXAMPLES: {0: 4, 1: 8}}
    end = {EXAMPLES: {0: 6, 1: 8}, Stream.LABELS: {0: 3}}

    assert ranges_between(start, end) == (
        OffsetRange(EXAMPLES, 0, 4, 6),
        OffsetRange(Stream.LABELS, 0, 0, 3),
    )


def test_a_line_without_a_push_stands_where_it_starts() -> None:
    line = LineRecord(2, b"", b"", parent=4, head=4, start={EXAMPLES: {0: 90}})

    assert positions_of(line, a_manifest(4, offset=40)) == {EXAMPLES: {0: 90}}
