"""What starting and ending an experiment does to a model: pure decisions on its record."""

from __future__ import annotations

from dataclasses import dataclass, replace

from riverrun.core.errors import AlreadyExists, InvalidInput, NotFound, NotReady
from riverrun.core.experiments import Arm, Experiment, Pace, check_plan
from riverrun.core.spec import ModelSpec
from riverrun.core.versions import LIVE, Channel
from riverrun_param_server.records import ModelRecord

KEPT = 4
"""Experiments that a model's record holds, the running one included: it is written with every push."""


@dataclass(frozen=True, slots=True)
class ExperimentChange:
    """The decision: the record as it becomes, the experiment in it, and the channels that were made."""

    record: ModelRecord
    experiment: Experiment
    made: tuple[str, ...] = ()


def start(record: ModelRecord, spec: ModelSpec, plan: Experiment, now_ns: int) -> ExperimentChange:
    """Begin `plan`; the very one that runs already changes nothing.

    Raises `InvalidInput` naming the field, `NotFound` for a channel, `NotReady`, `AlreadyExists`.
    """
    check_plan(plan)
    _check_fits(spec, plan)
    live = _ready_channel(record, "live", LIVE)
    present = record.experiment(plan.name)
    arms = tuple(_placed(plan, arm, now_ns) for arm in plan.arms)
    wanted = Experiment(plan.name, arms, plan.guardrails, plan.alpha, plan.scale, started_ns=now_ns)
    if present is not None:
        if present.is_running and present.same_plan(wanted):
            return ExperimentChange(record, present)
        raise AlreadyExists("experiment", plan.name)
    running = record.running_experiment
    if running is not None:
        raise AlreadyExists("running experiment", running.name)
    made = []
    for number, arm in enumerate(arms):
        if arm.pace is Pace.CHANNEL:
            _ready_channel(record, f"arms.{number}.channel", arm.channel)
        elif record.channel(arm.channel) is not None:
            raise AlreadyExists("channel", arm.channel)
        else:
            at = Channel(arm.channel, record.next_generation(arm.channel), live.version, None)
            record = record.with_channel(at)
            made.append(arm.channel)
    kept = (*record.experiments, wanted)[-KEPT:]
    return ExperimentChange(replace(record, experiments=kept), wanted, tuple(made))


def end(
    record: ModelRecord, name: str, now_ns: int, *, reason: str = "", winner: str = ""
) -> ExperimentChange:
    """End the experiment and take away the channels made for it; one that has ended stays as it is."""
    experiment = known(record, name)
    if not experiment.is_running:
        return ExperimentChange(record, experiment)
    ended = replace(experiment, ended_ns=now_ns, end_reason=reason, winner=winner)
    for arm in experiment.arms:
        record = _without_own(record, arm)
    return ExperimentChange(record.with_experiment(ended), ended)


def stop_arm(record: ModelRecord, name: str, arm_name: str, now_ns: int, *, reason: str) -> ExperimentChange:
    """Stop one arm, or the whole where nothing would be left to compare; a stopped one stays as it is."""
    experiment = known(record, name)
    arm = known_arm(experiment, arm_name)
    if not experiment.is_running or arm.is_stopped:
        return ExperimentChange(record, experiment)
    stopped = replace(arm, stopped_ns=now_ns, stop_reason=reason)
    arms = tuple(stopped if one.name == arm.name else one for one in experiment.arms)
    changed = replace(experiment, arms=arms)
    record = _without_own(record.with_experiment(changed), arm)
    if arm == experiment.control or all(one.is_stopped for one in arms[1:]):
        return end(record, name, now_ns, reason=f"arm {arm.name} was stopped: {reason}")
    return ExperimentChange(record, changed)


def check_winner(record: ModelRecord, name: str, arm_name: str) -> tuple[Experiment, Arm]:
    """The experiment and the arm that is to win it.

    Raises `NotFound`, and `InvalidInput` where it has ended with another, or the arm was stopped.
    """
    experiment = known(record, name)
    arm = known_arm(experiment, arm_name)
    if not experiment.is_running and experiment.winner != arm_name:
        how = f"{experiment.winner} was promoted" if experiment.winner else "it was stopped"
        raise InvalidInput("name", f"expected an experiment that runs; {name} has ended: {how}")
    if arm.is_stopped:
        raise InvalidInput("arm", f"expected an arm that runs, {arm_name} was stopped: {arm.stop_reason}")
    return experiment, arm


def due_moves(experiment: Experiment, now_ns: int) -> list[Arm]:
    """The arms whose channels are to go where `live` is, now."""
    return [
        arm
        for arm in experiment.arms
        if arm.pace is Pace.EVERY and not arm.is_stopped and now_ns - arm.moved_ns >= arm.every_s * 1e9
    ]


def move_due(record: ModelRecord, experiment: Experiment, now_ns: int) -> tuple[ModelRecord, list[str]]:
    """The record once the arms that are due were moved, and the channels that are somewhere else now."""
    live = record.channel(LIVE)
    moved = []
    for arm in due_moves(experiment, now_ns):
        # Counted from the start, so that a late look does not make the next one late too.
        behind_ns = (now_ns - arm.moved_ns) % int(arm.every_s * 1e9)
        arms = tuple(
            replace(one, moved_ns=now_ns - behind_ns) if one.name == arm.name else one
            for one in experiment.arms
        )
        experiment = replace(experiment, arms=arms)
        record = record.with_experiment(experiment)
        channel = record.channel(arm.channel)
        if live is not None and channel is not None and channel.version != live.version:
            at = Channel(channel.name, channel.generation + 1, live.version, None)
            record = record.with_channel(at)
            moved.append(channel.name)
    return record, moved


def known(record: ModelRecord, name: str) -> Experiment:
    """The experiment called `name`, the newest for the empty text; raises `NotFound` naming the others."""
    found = record.experiment(name) if name else next(reversed(record.experiments), None)
    if found is None and not name:
        raise NotFound("experiment of model", record.name)
    if found is None:
        known_names = ", ".join(one.name for one in reversed(record.experiments))
        raise NotFound("experiment", name[:64], known_names or None)
    return found


def known_arm(experiment: Experiment, name: str) -> Arm:
    """The arm called `name`; raises `NotFound` naming those there are."""
    arm = experiment.arm(name)
    if arm is None:
        raise NotFound("arm", name[:64], ", ".join(one.name for one in experiment.arms))
    return arm


def _check_fits(spec: ModelSpec, plan: Experiment) -> None:
    if not spec.joins:
        raise InvalidInput("model", "expected a spec with label.window: results are of joined labels")
    if spec.is_classifier and plan.scale:
        raise InvalidInput("scale", f"goes with task regression, {spec.name} is {spec.task}")
    if not spec.is_classifier and not plan.scale:
        raise InvalidInput("scale", "is required for task regression: the error that counts one half")


def _placed(plan: Experiment, arm: Arm, now_ns: int) -> Arm:
    if arm.pace is Pace.CHANNEL:
        return arm
    return replace(arm, channel=plan.own_channel(arm.name), moved_ns=now_ns)


def _ready_channel(record: ModelRecord, field: str, name: str) -> Channel:
    channel = record.channel(name)
    if channel is None:
        raise NotFound("channel", name[:64], ", ".join(one.name for one in record.channels) or None)
    if not channel.version:
        raise NotReady(f"{field}: channel {name} of {record.name}", "it has no version yet")
    return channel


def _without_own(record: ModelRecord, arm: Arm) -> ModelRecord:
    if arm.pace is Pace.CHANNEL or record.channel(arm.channel) is None:
        return record
    return record.without_channel(arm.channel)
