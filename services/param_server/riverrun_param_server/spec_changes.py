"""What a new spec does to a model: pure decisions on its record (DECISIONS 5)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from riverrun.core.errors import StaleBase
from riverrun.core.versions import CANDIDATE, LIVE, Channel
from riverrun_param_server import gating
from riverrun_param_server.channel_moves import close_line
from riverrun_param_server.records import LineRecord, ModelRecord


@dataclass(frozen=True, slots=True)
class NewSpec:
    """A spec as it was sent: the sha256 of its text, and the digest of the keys that make a line.

    `enforced`: its gate stands between pushes and live.
    """

    name: str
    sha: bytes
    digest: bytes
    enforced: bool = False


@dataclass(frozen=True, slots=True)
class SpecChange:
    """The decision. `changed_lines` got newer policies; `closed_lines` take no more pushes."""

    record: ModelRecord
    opened_line: int = 0
    changed_lines: tuple[int, ...] = ()
    closed_lines: tuple[int, ...] = ()


def first_spec(spec: NewSpec, model_id: int, now_ns: int) -> SpecChange:
    """A model that was never there: one line, which `live` follows."""
    record = ModelRecord(model_id, spec.name, spec.sha, 1, now_ns)
    return _gated(record, _open_line(record, spec, LIVE), spec)


def next_spec(record: ModelRecord, spec: NewSpec, base_revision: int = 0) -> SpecChange | None:
    """What `spec` changes of a model; None: nothing, it is the present one.

    Policies change in place, in every open line of the same digest. Another digest opens a line that
    `candidate` follows, and closes the one that waited there; going back to the digest of a line that
    learns still withdraws the candidate. Raises `StaleBase` when `base_revision` is given and is not
    the present one.
    """
    if spec.sha == record.spec_sha and not record.deleted_ns:
        return None
    if base_revision and base_revision != record.spec_revision:
        raise StaleBase(current=record.spec_revision, given=base_revision, what="spec revision")
    return _gated(record, _next_spec(record, spec), spec)


def _next_spec(record: ModelRecord, spec: NewSpec) -> SpecChange:
    record = replace(record, spec_sha=spec.sha, spec_revision=record.spec_revision + 1, deleted_ns=0)
    same = [line for line in record.open_lines if line.spec_digest == spec.digest]
    learning = [line for line in same if not line.retrain]
    if not learning:
        return _open_beside(record, spec)
    for line in same:
        record = record.with_line(replace(line, spec_sha=spec.sha))
    change = SpecChange(record, changed_lines=tuple(line.number for line in same))
    waiting = record.channel(CANDIDATE)
    if waiting is None or waiting.follows in change.changed_lines:
        return change
    return _withdraw(change, waiting, learning[-1].number)


def _gated(before: ModelRecord, change: SpecChange, spec: NewSpec) -> SpecChange:
    record = gating.with_spec(change.record, spec.sha, enforced=spec.enforced)
    return replace(change, record=gating.opened_up(before, record))


def own_line(record: ModelRecord) -> SpecChange:
    """A line of the present spec for a state that was learned elsewhere; it waits on `candidate`."""
    spec_sha = record.spec_sha
    digest = next(line.spec_digest for line in reversed(record.lines) if line.spec_sha == spec_sha)
    return _open_beside(record, NewSpec(record.name, spec_sha, digest))


def _open_beside(record: ModelRecord, spec: NewSpec) -> SpecChange:
    channel = CANDIDATE if record.trained_lines else LIVE
    waiting = record.channel(CANDIDATE)
    change = _open_line(record, spec, channel)
    return change if waiting is None else _withdraw(change, waiting, change.opened_line)


def _open_line(record: ModelRecord, spec: NewSpec, channel: str) -> SpecChange:
    number = record.next_line
    record = record.with_line(LineRecord(number, spec.sha, spec.digest))
    record = record.with_channel(Channel(channel, record.next_generation(channel), 0, number))
    return SpecChange(record, opened_line=number)


def _withdraw(change: SpecChange, waiting: Channel, successor: int) -> SpecChange:
    """Close the line that waited on `candidate`, and remove that channel unless it goes on elsewhere."""
    record, line = change.record, waiting.follows
    candidate = record.channel(CANDIDATE)
    if candidate == waiting and line is not None:
        record = record.without_channel(CANDIDATE)
    if line is None or any(channel.follows == line for channel in record.channels):
        return replace(change, record=record)
    record = close_line(record, line, successor)
    return replace(change, record=record, closed_lines=(line,))
