"""Experiments as messages and back."""

from __future__ import annotations

from riverrun.api.experiments.v1 import experiments_pb2 as pb
from riverrun.core.errors import InvalidInput
from riverrun.core.experiments import Arm, Experiment, Guardrail, Judged, Pace
from riverrun.rpc.times import duration, seconds, timestamp, unix_ns

_JUDGED = {
    Judged.LOSS: pb.Guardrail.JUDGED_LOSS,
    Judged.HARM: pb.Guardrail.JUDGED_HARM,
}
_FROM_JUDGED = {number: judged for judged, number in _JUDGED.items()}

DEFAULT_ALPHA = 0.05


def experiment_to_pb(experiment: Experiment) -> pb.Experiment:
    return pb.Experiment(
        name=experiment.name,
        arms=map(_arm_to_pb, experiment.arms),
        guardrails=[
            pb.Guardrail(judged=_JUDGED[one.judged], above=one.above, arm=one.arm)
            for one in experiment.guardrails
        ],
        alpha=experiment.alpha,
        scale=experiment.scale,
        start_time=timestamp(experiment.started_ns),
        end_time=timestamp(experiment.ended_ns),
        end_reason=experiment.end_reason,
        winner=experiment.winner,
    )


def experiment_from_pb(message: pb.Experiment) -> Experiment:
    """Raises `InvalidInput` where an arm has not one way to move, or a guardrail judges nothing known."""
    return Experiment(
        name=message.name,
        arms=tuple(_arm_from_pb(f"arms.{number}", arm) for number, arm in enumerate(message.arms)),
        guardrails=tuple(
            Guardrail(_judged(f"guardrails.{number}", one.judged), one.above, one.arm)
            for number, one in enumerate(message.guardrails)
        ),
        alpha=message.alpha or DEFAULT_ALPHA,
        scale=message.scale,
        started_ns=unix_ns(message.start_time),
        ended_ns=unix_ns(message.end_time),
        end_reason=message.end_reason,
        winner=message.winner,
    )


def _arm_to_pb(arm: Arm) -> pb.Arm:
    return pb.Arm(
        name=arm.name,
        share=arm.share,
        channel=arm.channel,
        every=duration(arm.every_s),
        frozen=arm.pace is Pace.FROZEN,
        stop_time=timestamp(arm.stopped_ns),
        stop_reason=arm.stop_reason,
    )


def _arm_from_pb(path: str, message: pb.Arm) -> Arm:
    every = message.HasField("every")
    if every and message.frozen:
        raise InvalidInput(f"{path}.frozen", "goes without every")
    if not (message.channel or every or message.frozen):
        raise InvalidInput(f"{path}.channel", "expected a channel, every or frozen")
    pace = Pace.EVERY if every else Pace.FROZEN if message.frozen else Pace.CHANNEL
    return Arm(
        name=message.name,
        share=message.share,
        channel=message.channel,
        pace=pace,
        every_s=seconds(message.every) if every else 0.0,
        stopped_ns=unix_ns(message.stop_time),
        stop_reason=message.stop_reason,
    )


def _judged(path: str, number: pb.Guardrail.Judged) -> Judged:
    judged = _FROM_JUDGED.get(number)
    if judged is None:
        raise InvalidInput(f"{path}.judged", "expected JUDGED_LOSS or JUDGED_HARM")
    return judged
