"""Going on from an older version: a pure decision on a model's record (DECISIONS 2)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from riverrun.core.events import NO_POSITIONS, OffsetRange, Positions
from riverrun.core.versions import LIVE, Channel, Manifest
from riverrun_param_server.channel_moves import close_line
from riverrun_param_server.records import LineRecord, ModelRecord


@dataclass(frozen=True, slots=True)
class Reset:
    """The decision: the record as it becomes, its new line, the line that closed (0: none), who moved."""

    record: ModelRecord
    line: LineRecord
    closed_line: int
    moved: tuple[Channel, ...]


def line_to_close(record: ModelRecord, to: Manifest) -> LineRecord | None:
    """The open line that a reset to `to` takes over from: where learning from `to` goes on today."""
    found = record.open_successor(to.line)
    if found is not None:
        return found
    live = record.channel(LIVE)
    if live is not None and live.follows is not None:
        found = record.open_successor(live.follows)
    return found or next(iter(reversed(record.trained_lines)), None)


def reset(record: ModelRecord, to: Manifest, today: Positions | None) -> Reset:
    """A new line that goes on from `to`; every channel that follows the old line follows it at once.

    `today` is where the old line stands: the examples since `to` are skipped. None: they are learned
    again.
    """
    origin = record.line(to.line)
    assert origin is not None
    # The newest text of the same digest has the newest policies.
    spec_sha = [line.spec_sha for line in record.lines if line.spec_digest == origin.spec_digest][-1]
    line = LineRecord(
        number=record.next_line,
        spec_sha=spec_sha,
        spec_digest=origin.spec_digest,
        parent=to.version,
        head=to.version,
        start=to.positions if today is None else today,
        since_ns=origin.since_ns,
        skipped=() if today is None else ranges_between(to.positions, today),
    )
    old = line_to_close(record, to)
    record = record.with_line(line)
    moved: list[Channel] = []
    if old is not None:
        record = close_line(record, old.number, line.number)
        for channel in record.channels:
            if channel.follows == old.number:
                at = Channel(channel.name, channel.generation + 1, to.version, line.number)
                record = record.with_channel(at)
                moved.append(at)
    return Reset(record, line, old.number if old else 0, tuple(moved))


def ranges_between(start: Positions, end: Positions) -> tuple[OffsetRange, ...]:
    """The events from `start` up to `end`, by stream and partition."""
    return tuple(
        OffsetRange(stream, partition, start.get(stream, {}).get(partition, 0), offset)
        for stream, offsets in end.items()
        for partition, offset in sorted(offsets.items())
        if offset > start.get(stream, {}).get(partition, 0)
    )


def positions_of(line: LineRecord, head: Manifest | None) -> Positions:
    """Where a line reads next: what its head contains, or where it starts before its first push."""
    if line.pushed and head is not None:
        return head.positions
    return line.start or NO_POSITIONS


def after_push(line: LineRecord, version: int) -> LineRecord:
    """The line with `version` as its head; what it started from is in the manifest from now on."""
    return replace(line, head=version, start=NO_POSITIONS, skipped=())
