"""Retrains as pure decisions on a model's record: how one starts, takes over and ends."""

from __future__ import annotations

from dataclasses import dataclass, replace

from riverrun.core.errors import AlreadyExists, Exhausted, Fenced, InvalidInput, NotFound, NotReady
from riverrun.core.retraining import Retrain, RetrainState
from riverrun.core.spec import RetrainSpec
from riverrun.core.spec.quantities import format_duration
from riverrun.core.versions import CANDIDATE, LIVE, Channel, Manifest
from riverrun_param_server import gating
from riverrun_param_server.channel_moves import ChannelMove, FollowLine, close_line, move
from riverrun_param_server.records import LineRecord, ModelRecord, RetrainRecord

MAX_KEPT = 64
"""Retrains that a model's record remembers."""


@dataclass(frozen=True, slots=True)
class RetrainWish:
    """Who asks for a retrain and why. Examples before `since_ns` are left out; 0: as the spec says."""

    reason: str = ""
    automatic: bool = False
    since_ns: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """A decision: the record as it becomes, and the retrain that ended with it."""

    record: ModelRecord
    retrain: RetrainRecord


def running(record: ModelRecord) -> RetrainRecord | None:
    """The retrain that is under way, or None."""
    return next((one for one in record.retrains if one.state is RetrainState.RUNNING), None)


def found(record: ModelRecord, line: int) -> RetrainRecord:
    """The retrain of that line; raises `NotFound`."""
    for one in record.retrains:
        if one.line == line:
            return one
    raise NotFound("retrain", str(line), ", ".join(str(one.line) for one in record.retrains) or None)


def as_retrain(record: ModelRecord, one: RetrainRecord) -> Retrain:
    """`one` as callers see it, its progress left out."""
    return Retrain(
        model=record.name,
        line=one.line,
        state=one.state,
        reason=one.reason,
        automatic=one.automatic,
        started_ns=one.started_ns,
        ended_ns=one.ended_ns,
        outcome=one.outcome,
        since_ns=one.since_ns,
    )


def started(
    record: ModelRecord, wish: RetrainWish, live: Manifest, spec: RetrainSpec, now_ns: int
) -> ModelRecord:
    """`record` with a retrain under way, of the spec of live's line; its line is the newest.

    `live` is the manifest of live's version. Raises `AlreadyExists`, `Exhausted`, `InvalidInput`.
    """
    present = running(record)
    if present is not None:
        raise AlreadyExists("retrain", f"line {present.line} of {record.name}")
    if wish.automatic:
        _check_allowed(record, spec, now_ns)
    if wish.since_ns and spec.warm:
        raise InvalidInput("since", "does not go with a retrain that is warm: it goes on from live")
    if wish.since_ns > now_ns:
        raise InvalidInput("since", "expected a time that is past")
    origin = record.line(live.line)
    assert origin is not None
    line = LineRecord(
        number=record.next_line,
        spec_sha=_newest_policies(record, origin),
        spec_digest=origin.spec_digest,
        retrain=True,
        since_ns=_since_ns(spec, wish, origin, now_ns),
    )
    if spec.warm:
        line = replace(line, parent=live.version, head=live.version, start=live.positions)
    one = RetrainRecord(line.number, wish.reason, wish.automatic, now_ns, line.since_ns)
    kept = record.retrains[-(MAX_KEPT - 1) :]
    return replace(record.with_line(line), retrains=(*kept, one))


def taken_over(
    record: ModelRecord, number: int, live_line: int, outcome: str, now_ns: int
) -> tuple[ModelRecord, ChannelMove]:
    """`record` with live on the retrain's line, and how live moved. Raises `NotReady`, `NotFound`.

    `live_line` is that of live's version. Live is not moved while it is held by hand: nothing gets out then.
    Nor where it came to follow another spec.
    """
    line, before = record.line(number), record.open_successor(live_line)
    live, candidate = record.channel(LIVE), record.channel(CANDIDATE)
    assert line is not None
    if live is None or (live.held and not gating.is_held_by_gate(record)):
        raise NotReady(f"retrain of {record.name}", "live is held; it can take over once live follows again")
    if before is not None and before.spec_digest != line.spec_digest:
        raise InvalidInput("line", f"expected a line of live's spec; line {number} is of another one")
    old = 0 if before is None else before.number
    if candidate is not None and candidate.follows == old:
        # A gate's: what live followed is over, and with it what waited to go live.
        record = record.without_channel(CANDIDATE)
    moved = move(replace(record, gate_hold=0), LIVE, FollowLine(number, old))
    return settled(gating.fitted(moved.record), now_ns, outcome), moved


def ended(record: ModelRecord, number: int, state: RetrainState, outcome: str, now_ns: int) -> Ended:
    """`record` with the retrain of that line over and its line closed. Raises `NotFound`."""
    one = found(record, number)
    live = record.channel(LIVE)
    follows = None if live is None else live.follows
    successor = None if follows is None else record.open_successor(follows)
    record = close_line(record, number, 0 if successor is None else successor.number)
    one = replace(one, state=state, outcome=outcome, ended_ns=now_ns)
    return Ended(_with(record, one), one)


def settled(record: ModelRecord, now_ns: int, outcome: str = "") -> ModelRecord:
    """`record` after channels moved: a retrain that live follows took over, one whose line closed is over."""
    one = running(record)
    line = None if one is None else record.line(one.line)
    if one is None or line is None:
        return record
    live = record.channel(LIVE)
    if live is not None and live.follows == line.number:
        one = replace(
            one, state=RetrainState.TOOK_OVER, outcome=outcome or "promoted by hand", ended_ns=now_ns
        )
        return _with(record.with_line(replace(line, retrain=False)), one)
    if line.closed:
        one = replace(one, state=RetrainState.CANCELLED, outcome="its line was closed", ended_ns=now_ns)
        return _with(record, one)
    return record


def check_runner(record: ModelRecord, number: int, epoch: int) -> RetrainRecord:
    """The retrain of that line; raises `Fenced` unless it is under way and `epoch` is the newest."""
    one, line = found(record, number), record.line(number)
    current = 0 if line is None else line.epoch
    if one.state is not RetrainState.RUNNING or epoch != current:
        live: Channel | None = record.channel(LIVE)
        raise Fenced(current=current, given=epoch, line=None if live is None else live.follows)
    return one


def _check_allowed(record: ModelRecord, spec: RetrainSpec, now_ns: int) -> None:
    last = max((one.ended_ns for one in record.retrains), default=0)
    if last and now_ns - last < spec.cool_down * 1e9:
        cool_down = format_duration(spec.cool_down)
        raise Exhausted(f"retrains of {record.name}", f"none within {cool_down} of the one before")
    budget = spec.budget
    if budget is not None:
        since_ns = now_ns - int(budget.per * 1e9)
        if sum(one.started_ns > since_ns for one in record.retrains) >= budget.retrains:
            raise Exhausted(
                f"retrains of {record.name}", f"{budget.retrains} per {format_duration(budget.per)}"
            )


def _newest_policies(record: ModelRecord, origin: LineRecord) -> bytes:
    return [line.spec_sha for line in record.lines if line.spec_digest == origin.spec_digest][-1]


def _since_ns(spec: RetrainSpec, wish: RetrainWish, origin: LineRecord, now_ns: int) -> int:
    history = spec.history
    if history.until is not None:
        # A warm line goes on from live, which has learned the log from where its own line began.
        return origin.since_ns if spec.warm else int(history.until.timestamp() * 1e9)
    if wish.since_ns:
        return wish.since_ns
    return 0 if history.last is None else now_ns - int(history.last * 1e9)


def _with(record: ModelRecord, one: RetrainRecord) -> ModelRecord:
    retrains = tuple(one if old.line == one.line else old for old in record.retrains)
    return replace(record, retrains=retrains)
