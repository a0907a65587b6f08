"""How channels move: pure decisions on a model's record (DECISIONS 1-4)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from riverrun.core.errors import InvalidInput, NotFound, NotReady, StaleBase
from riverrun.core.versions import CANDIDATE, LIVE, Channel
from riverrun_param_server.records import LineRecord, ModelRecord

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Hold:
    """Hold at `version`."""

    version: int


@dataclass(frozen=True, slots=True)
class Resume:
    """Follow the line of the version where the channel is, which is `line`; `stays`: as a gate lets it."""

    line: int
    stays: bool = False


@dataclass(frozen=True, slots=True)
class FollowLine:
    """Follow `line`; the line where the channel was, which is `old_line` (0: none), is closed if idle.

    `others_on_old` says whether another channel is held at a version of the old line.
    """

    line: int
    old_line: int
    others_on_old: bool = False


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove the channel."""


Target = Hold | Resume | FollowLine | Remove


@dataclass(frozen=True, slots=True)
class ChannelMove:
    """The decision: the record as it becomes, where the channel is and was, and the line that closes."""

    record: ModelRecord
    channel: Channel
    previous: Channel
    closed_line: int = 0


def move(record: ModelRecord, name: str, target: Target, base_generation: int = 0) -> ChannelMove:
    """Where the channel `name` goes. The same place again changes nothing, its generation included.

    Raises `StaleBase` when `base_generation` is given and not the channel's, `InvalidInput`, `NotFound`,
    `NotReady` where the line has no version yet.
    """
    check_name(name)
    present = record.channel(name)
    previous = present or Channel(name, 0, 0, None)
    if base_generation and base_generation != previous.generation:
        raise StaleBase(current=previous.generation, given=base_generation, what="generation")
    match target:
        case Remove():
            return _remove(record, name)
        case Hold(version):
            wanted = Channel(name, previous.generation, version, None)
            closed = 0
        case Resume(line, stays):
            found = record.open_successor(line) or record.line(line)
            assert found is not None
            version = previous.version if stays else found.head
            wanted = Channel(name, previous.generation, version, found.number)
            closed = 0
        case FollowLine(number, old_line, others_on_old):
            line_record = _followable(record, number)
            wanted = Channel(name, previous.generation, line_record.head, number)
            closed = _line_to_close(record, name, number, old_line, others_on_old)
    if wanted == present:
        return ChannelMove(record, previous, previous)
    channel = replace(wanted, generation=record.next_generation(name))
    record = record.with_channel(channel)
    if closed:
        record = close_line(record, closed, successor=wanted.follows or 0)
    candidate = record.channel(CANDIDATE)
    took_over = isinstance(target, FollowLine) and name == LIVE
    if took_over and candidate is not None and candidate.follows == wanted.follows:
        record = record.without_channel(CANDIDATE)
    return ChannelMove(record, channel, previous, closed)


def check_name(name: str) -> None:
    """Raise `InvalidInput` unless `name` can name a channel."""
    if not _NAME.fullmatch(name):
        raise InvalidInput("channel", f"expected a-z, 0-9 and hyphens, at most 63, got {name[:64]!r}")


def close_line(record: ModelRecord, number: int, successor: int) -> ModelRecord:
    """`record` with that line closed, learning going on in `successor` (0: nowhere)."""
    line = record.line(number)
    assert line is not None
    return record.with_line(replace(line, closed=True, successor=successor))


def _followable(record: ModelRecord, number: int) -> LineRecord:
    line = record.line(number)
    open_lines = ", ".join(str(line.number) for line in record.open_lines)
    if line is None:
        raise NotFound("line", str(number), open_lines or None)
    if line.closed:
        raise InvalidInput("follow_line", f"expected an open line ({open_lines}), got {number}, closed")
    if line.head == 0:
        raise NotReady(f"line {number} of {record.name}", "it has no version yet")
    return line


def _line_to_close(record: ModelRecord, name: str, new: int, old: int, others_on_old: bool) -> int:
    line = record.line(old)
    if line is None or line.closed or old == new:
        return 0
    if any(channel.follows == old for channel in record.channels if channel.name != name):
        return 0
    # Held channels do not keep a line learning when live leaves it: its take-over is the end of the line.
    return 0 if others_on_old and name != LIVE else old


def _remove(record: ModelRecord, name: str) -> ChannelMove:
    if name == LIVE:
        raise InvalidInput("channel", "live cannot be removed")
    present = record.channel(name)
    if present is None:
        raise NotFound("channel", name, ", ".join(c.name for c in record.channels))
    return ChannelMove(record.without_channel(name), present, present)
