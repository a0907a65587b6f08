"""What the parts of the trainer of one line share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from riverrun.core.events import Stream
from riverrun.core.experiments import Experiment
from riverrun.events.protocol import EventLog
from riverrun.learners.factories import NO_FACTORIES, Factories
from riverrun.rpc.experiments_client import ExperimentsClient
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.retrain_client import RetrainClient
from riverrun.runtime.clock import Clock, SystemClock
from riverrun.runtime.lifecycle import Stop
from riverrun_trainer.joining.rules import MAX_OPEN
from riverrun_trainer.where import Where

if TYPE_CHECKING:
    from riverrun_trainer.retraining.course import RetrainCourse

SOURCE = Stream.EXAMPLES
"""The stream that is learned from."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every line of one trainer process works with."""

    client: ParameterClient
    event_log: EventLog
    stop: Stop
    trainer_id: str
    factories: Factories = NO_FACTORIES
    clock: Clock = field(default_factory=SystemClock)
    report_every_s: float = 1.0
    max_model_bytes: int = 512 << 20
    max_open: int = MAX_OPEN
    experiments: dict[str, tuple[Experiment, ...]] = field(default_factory=dict)
    """Those of each model, as the parameter server told of them last."""

    arms: ExperimentsClient | None = None
    """What guardrails stop arms by; None: they stop none."""

    course: RetrainCourse | None = None
    """What a retrain does beside learning; None where this process runs none."""

    retrains: RetrainClient | None = None
    """What triggers start retrains by; None: they start none."""


@dataclass(slots=True)
class LineMemory:
    """What this process knows of a line from sessions before; nothing that a restart would need.

    `poisoned` are examples that must not be learned, with the reason. `ended_epoch` is that of its session
    before, where that ended by no fault of an event, else 0. `out_of_bounds`: no version was pushed since the
    first that was out of its bounds.
    """

    poisoned: dict[Where, str] = field(default_factory=dict)
    ended_epoch: int = 0
    out_of_bounds: bool = False
