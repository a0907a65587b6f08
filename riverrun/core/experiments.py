"""Experiments: which arm answers which share of the keys, and what stops an arm by itself.

An arm is a channel (DECISIONS 7). A sync policy under experiment is a channel of the arm's own, which the
parameter server moves to where `live` is: once each interval, or never. So all serving processes of an arm
answer by the same version.
"""

from __future__ import annotations

import enum
import math
import re
from dataclasses import dataclass

from riverrun.core.errors import InvalidInput
from riverrun.core.spec.features import shown

MAX_ARMS = 8
MAX_GUARDRAILS = 16
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,29}[a-z0-9])?")


class Pace(enum.StrEnum):
    """What moves the channel of an arm."""

    CHANNEL = "channel"
    """Whatever moves it anyway: the channel is not the experiment's own."""

    EVERY = "every"
    """The server, to where `live` is, once each interval."""

    FROZEN = "frozen"
    """Nothing: it stays where `live` was when the experiment started."""


class Judged(enum.StrEnum):
    """What a guardrail looks at."""

    LOSS = "loss"
    """The arm's mean loss, from 0 to 1."""

    HARM = "harm"
    """The arm's mean loss less that of the control."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One side of an experiment: `share` of the keys is answered by `channel`.

    `every_s` goes with pace EVERY, and `moved_ns` is when the server last looked whether to move it.
    `stopped_ns` 0: the arm answers. Times are Unix nanoseconds.
    """

    name: str
    share: float
    channel: str
    pace: Pace = Pace.CHANNEL
    every_s: float = 0.0
    moved_ns: int = 0
    stopped_ns: int = 0
    stop_reason: str = ""

    @property
    def is_stopped(self) -> bool:
        """Whether its keys are answered by `live` again."""
        return bool(self.stopped_ns)


@dataclass(frozen=True, slots=True)
class Guardrail:
    """An arm is stopped as soon as `judged` is surely above `above`; `arm` empty: any but the control."""

    judged: Judged
    above: float
    arm: str = ""


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment on one model. The first arm is the control, which the others are compared with.

    `alpha` is the chance at most that a comparison, or a guardrail, is ever wrong, however often it is looked
    at. `scale` is the error that counts one half where labels are numbers (see `riverrun.evaluation.loss`).
    `ended_ns` 0: it runs. `winner` is the arm that was promoted, empty for none.
    """

    name: str
    arms: tuple[Arm, ...]
    guardrails: tuple[Guardrail, ...] = ()
    alpha: float = 0.05
    scale: float = 0.0
    started_ns: int = 0
    ended_ns: int = 0
    end_reason: str = ""
    winner: str = ""

    @property
    def is_running(self) -> bool:
        """Whether keys are assigned to its arms."""
        return not self.ended_ns

    @property
    def control(self) -> Arm:
        """The arm that the others are compared with."""
        return self.arms[0]

    def arm(self, name: str) -> Arm | None:
        """The arm called `name`, or None."""
        return next((arm for arm in self.arms if arm.name == name), None)

    def own_channel(self, arm: str) -> str:
        """What the channel is called that the server makes for an arm."""
        return f"{self.name}-{arm}"

    def same_plan(self, other: Experiment) -> bool:
        """Whether `other` was asked for in the same words, whatever has happened since."""

        def plan(one: Experiment) -> tuple[object, ...]:
            arms = [(a.name, a.share, a.channel, a.pace, a.every_s) for a in one.arms]
            return (one.name, arms, one.guardrails, one.alpha, one.scale)

        return plan(self) == plan(other)


def check_plan(plan: Experiment) -> None:
    """Raise `InvalidInput`, naming the field, where `plan` is no experiment whatever the model."""
    _check_name("name", plan.name)
    if not 2 <= len(plan.arms) <= MAX_ARMS:
        raise InvalidInput("arms", f"expected 2 to {MAX_ARMS}, the control first, got {len(plan.arms)}")
    for number, arm in enumerate(plan.arms):
        _check_arm(f"arms.{number}", arm)
        if any(arm.name == other.name for other in plan.arms[:number]):
            raise InvalidInput(f"arms.{number}.name", f"expected each name once, got {arm.name} twice")
    total = sum(arm.share for arm in plan.arms)
    if total > 1 + 1e-9:
        raise InvalidInput("arms", f"expected shares of 1 at most together, got {total:g}")
    if not 0 < plan.alpha < 0.5:
        raise InvalidInput("alpha", f"expected a chance above 0 and below 0.5, got {plan.alpha:g}")
    if not (math.isfinite(plan.scale) and plan.scale >= 0):
        raise InvalidInput("scale", f"expected a finite number of 0 or more, got {plan.scale:g}")
    if len(plan.guardrails) > MAX_GUARDRAILS:
        raise InvalidInput("guardrails", f"expected {MAX_GUARDRAILS} at most, got {len(plan.guardrails)}")
    for number, guardrail in enumerate(plan.guardrails):
        _check_guardrail(f"guardrails.{number}", guardrail, plan)


def _check_arm(path: str, arm: Arm) -> None:
    _check_name(f"{path}.name", arm.name)
    if not 0 < arm.share <= 1:
        raise InvalidInput(f"{path}.share", f"expected a share above 0 and at most 1, got {arm.share:g}")
    if arm.pace is Pace.EVERY and not (math.isfinite(arm.every_s) and arm.every_s >= 1):
        raise InvalidInput(f"{path}.every", f"expected 1s or more, got {arm.every_s:g} s")


def _check_guardrail(path: str, guardrail: Guardrail, plan: Experiment) -> None:
    lowest = 0 if guardrail.judged is Judged.LOSS else -1
    if not lowest <= guardrail.above < 1:
        raise InvalidInput(
            f"{path}.above", f"expected at least {lowest} and below 1, got {guardrail.above:g}"
        )
    if guardrail.arm and plan.arm(guardrail.arm) is None:
        known = ", ".join(arm.name for arm in plan.arms)
        raise InvalidInput(f"{path}.arm", f"expected one of {known}, got {shown(guardrail.arm)}")
    if guardrail.judged is Judged.HARM and guardrail.arm == plan.control.name:
        raise InvalidInput(f"{path}.arm", "expected an arm other than the control, which harm is measured by")


def _check_name(path: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidInput(path, f"expected a-z, 0-9 and hyphens, at most 31, got {shown(name)}")


def arm_in_log(experiment: str, arm: str) -> str:
    """How a prediction's record names its arm: with the experiment, as labels may come after its end."""
    return f"{experiment}/{arm}"
