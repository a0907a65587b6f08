"""What a line's gate does to channels: pure decisions on a model's record (DECISIONS 26).

Where a spec says ``gate: {mode: enforce}`` live follows its line *through the gate*: a push moves
`candidate`, and live moves once a version has passed. In every mode a verdict may hold live at an older
version; that hold is the gate's own until somebody moves live by hand, and ends with the next version that
passes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from riverrun.core.verdicts import Verdict
from riverrun.core.versions import CANDIDATE, LIVE, Channel
from riverrun_param_server.records import LineRecord, ModelRecord

KEEP_PASSED = 16
"""Versions that passed by themselves and keep their good mark: they are kept as long as they have it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The record as a verdict leaves it; what got the good mark (0: none), what lost it, who moved."""

    record: ModelRecord
    good: int = 0
    not_good: tuple[int, ...] = ()
    moved: tuple[Channel, ...] = ()


def enforces(record: ModelRecord, line: LineRecord) -> bool:
    """Whether pushes to `line` leave live where it is."""
    return line.spec_sha in record.enforced


def moved_by_push(record: ModelRecord, line: LineRecord, version: int) -> tuple[Channel, ...]:
    """The channels that a push of `version` to `line` moves.

    The first version there is goes live in any mode.
    """
    gated = enforces(record, line)
    return tuple(
        Channel(channel.name, channel.generation + 1, version, line.number)
        for channel in record.channels
        if channel.follows == line.number and not (gated and channel.name == LIVE and channel.version)
    )


def with_spec(record: ModelRecord, sha: bytes, *, enforced: bool) -> ModelRecord:
    """`record` with what a spec that was just taken says of its gate, and channels to fit."""
    used = {line.spec_sha for line in record.open_lines}
    kept = tuple(old for old in record.enforced if old in used and old != sha)
    return fitted(replace(record, enforced=(*kept, sha) if enforced else kept))


def opened_up(before: ModelRecord, record: ModelRecord) -> ModelRecord:
    """`record`, newer than `before`, with live at its line's head where a gate stood between till now."""
    live, line = record.channel(LIVE), _live_line(record)
    was = _live_line(before)
    if live is None or line is None or was is None or enforces(record, line) or not enforces(before, was):
        return record
    candidate = record.channel(CANDIDATE)
    if candidate is not None and candidate.follows == line.number:
        record = record.without_channel(CANDIDATE)
    if live.version == line.head:
        return record
    return record.with_channel(replace(live, generation=live.generation + 1, version=line.head))


def fitted(record: ModelRecord) -> ModelRecord:
    """`record` with `candidate` on the line that is live, where its gate enforces and it is free."""
    line = _live_line(record)
    if line is None or not enforces(record, line) or record.channel(CANDIDATE) is not None:
        return record
    return record.with_channel(Channel(CANDIDATE, record.next_generation(CANDIDATE), line.head, line.number))


def _live_line(record: ModelRecord) -> LineRecord | None:
    live = record.channel(LIVE)
    return None if live is None or live.follows is None else record.line(live.follows)


def is_held_by_gate(record: ModelRecord) -> bool:
    """Whether live is held, and nobody has moved it since the gate held it."""
    live = record.channel(LIVE)
    return live is not None and live.held and live.generation == record.gate_hold


def judged(record: ModelRecord, line: LineRecord, verdict: Verdict) -> Judged:
    """What `verdict`, of the trainer of `line`, does."""
    if not verdict.passed:
        return _refused(record, line, verdict)
    passed = (*(old for old in record.passed if old != verdict.version), verdict.version)
    gone = passed[:-KEEP_PASSED]
    record = replace(record, passed=passed[-KEEP_PASSED:])
    live = record.channel(LIVE)
    moved: list[Channel] = []
    if live is not None and (live.follows == line.number or is_held_by_gate(record)):
        version = verdict.version if enforces(record, line) else line.head
        wanted = replace(live, version=version, follows=line.number)
        if wanted != live and (live.held or version > live.version):
            moved.append(replace(wanted, generation=live.generation + 1))
            record = record.with_channel(moved[0])
    return Judged(record, verdict.version, gone, tuple(moved))


def _refused(record: ModelRecord, line: LineRecord, verdict: Verdict) -> Judged:
    live = record.channel(LIVE)
    if live is None or live.follows != line.number or not verdict.hold_version:
        # Not this line's to move, or held by hand.
        return Judged(record)
    held = Channel(LIVE, live.generation + 1, verdict.hold_version, None)
    record = replace(record.with_channel(held), gate_hold=held.generation)
    return Judged(record, moved=(held,))


def resumed_after_reset(record: ModelRecord, line: LineRecord) -> tuple[ModelRecord, tuple[Channel, ...]]:
    """`record` with live, where the gate held it, on `line`, which goes on from a good version."""
    live = record.channel(LIVE)
    if live is None or not is_held_by_gate(record):
        return record, ()
    follows = Channel(LIVE, live.generation + 1, line.head, line.number)
    return record.with_channel(follows), (follows,)


def marked_by_hand(record: ModelRecord, version: int) -> ModelRecord:
    """`record` once a person marked `version` good: its mark no longer goes by itself."""
    return replace(record, passed=tuple(old for old in record.passed if old != version))
