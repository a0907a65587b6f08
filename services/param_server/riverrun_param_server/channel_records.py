"""What the journal says of moves that people make."""

from __future__ import annotations

from dataclasses import dataclass

from riverrun.core.journal import JournalRecord
from riverrun.core.versions import Manifest
from riverrun_param_server.channel_moves import ChannelMove
from riverrun_param_server.resets import Reset


@dataclass(frozen=True, slots=True)
class By:
    """Who asked for a move, empty where nobody was asked for a token, and why."""

    actor: str = ""
    reason: str = ""


NOBODY = By()


def move_record(move: ChannelMove, by: By) -> JournalRecord:
    """A channel was moved, or its version marked good."""
    channel = move.channel
    if move.record.channel(channel.name) is None:
        kind = "channel.removed"
    elif channel == move.previous:
        kind = "version.good"
    else:
        kind = "channel.held" if channel.held else "channel.follows"
    return JournalRecord(
        kind=kind,
        actor=by.actor,
        reason=by.reason,
        line=channel.follows or 0,
        channel=channel.name,
        version=channel.version,
        previous=move.previous.version,
        facts={"closed_line": move.closed_line} if move.closed_line else {},
    )


def reset_record(found: Reset, to: Manifest, head: Manifest | None, by: By) -> JournalRecord:
    """Learning went back to an older version."""
    skipped = [
        {"stream": one.stream.value, "partition": one.partition, "start": one.start, "end": one.end}
        for one in found.line.skipped
    ]
    return JournalRecord(
        kind="learning.reset",
        actor=by.actor,
        reason=by.reason,
        line=found.line.number,
        version=to.version,
        previous=0 if head is None else head.version,
        facts={"closed_line": found.closed_line, "skipped": skipped},
    )
