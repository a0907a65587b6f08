"""Messages of RetrainService to our own types and back."""

from __future__ import annotations

from riverrun.api.retraining.v1 import retraining_pb2 as pb
from riverrun.core.errors import InvalidInput
from riverrun.core.retraining import Retrain, RetrainPhase, RetrainProgress, RetrainState
from riverrun.rpc.times import timestamp, unix_ns

_STATES = {
    RetrainState.RUNNING: pb.Retrain.RUNNING,
    RetrainState.TOOK_OVER: pb.Retrain.TOOK_OVER,
    RetrainState.ABANDONED: pb.Retrain.ABANDONED,
    RetrainState.CANCELLED: pb.Retrain.CANCELLED,
}
_PHASES = {
    RetrainPhase.HISTORY: pb.Retrain.LEARNING_HISTORY,
    RetrainPhase.COMPARING: pb.Retrain.COMPARING,
    RetrainPhase.TAKING_OVER: pb.Retrain.TAKING_OVER,
}
_STATES_BACK = {number: state for state, number in _STATES.items()}
_PHASES_BACK = {number: phase for phase, number in _PHASES.items()}


def retrain_to_pb(retrain: Retrain) -> pb.Retrain:
    return pb.Retrain(
        model=retrain.model,
        line=retrain.line,
        state=_STATES[retrain.state],
        reason=retrain.reason,
        automatic=retrain.automatic,
        start_time=timestamp(retrain.started_ns),
        end_time=timestamp(retrain.ended_ns),
        outcome=retrain.outcome,
        since=timestamp(retrain.since_ns),
        progress=None if retrain.progress is None else progress_to_pb(retrain.progress),
    )


def retrain_from_pb(message: pb.Retrain) -> Retrain:
    return Retrain(
        model=message.model,
        line=message.line,
        state=_STATES_BACK[message.state],
        reason=message.reason,
        automatic=message.automatic,
        started_ns=unix_ns(message.start_time),
        ended_ns=unix_ns(message.end_time),
        outcome=message.outcome,
        since_ns=unix_ns(message.since),
        progress=progress_from_pb(message.progress) if message.HasField("progress") else None,
    )


def progress_to_pb(progress: RetrainProgress) -> pb.Retrain.Progress:
    return pb.Retrain.Progress(
        phase=_PHASES[progress.phase],
        examples=progress.examples,
        behind=progress.behind,
        compared=progress.compared,
        excess_loss=progress.excess_loss,
        excess_low=progress.excess_low,
        excess_high=progress.excess_high,
        problem=progress.problem[:1024],
    )


def progress_from_pb(message: pb.Retrain.Progress) -> RetrainProgress:
    phase = _PHASES_BACK.get(message.phase)
    if phase is None:
        raise InvalidInput("progress.phase", f"expected one of the phases, got {message.phase}")
    return RetrainProgress(
        phase=phase,
        examples=message.examples,
        behind=message.behind,
        compared=message.compared,
        excess_loss=message.excess_loss,
        excess_low=message.excess_low,
        excess_high=message.excess_high,
        problem=message.problem[:1024],
    )
