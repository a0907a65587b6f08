"""Retrains as the parameter server keeps them: a model learned anew, beside the one that is live."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class RetrainState(enum.Enum):
    """What became of a retrain."""

    RUNNING = "running"
    TOOK_OVER = "took over"
    ABANDONED = "abandoned"
    CANCELLED = "cancelled"


class RetrainPhase(enum.Enum):
    """What a retrain is at."""

    HISTORY = "learning history"
    COMPARING = "comparing with live"
    TAKING_OVER = "taking over"


@dataclass(frozen=True, slots=True)
class RetrainProgress:
    """How far a retrain is.

    `examples` are those learned in its line, its parent's included; `behind` counts events of the log that
    are not taken yet. `compared` examples were answered by both models: `excess_loss` is the line's mean
    loss on them less live's, in [-1, 1], and surely lies between `excess_low` and `excess_high`. `problem`
    says why it does not get on, empty when all is well.
    """

    phase: RetrainPhase
    examples: int = 0
    behind: int = 0
    compared: int = 0
    excess_loss: float = 0.0
    excess_low: float = -1.0
    excess_high: float = 1.0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Retrain:
    """One retrain of `model`, named by its `line`.

    `reason` says why it was started, `outcome` why it ended. `automatic`: a trigger of the spec asked for it.
    Examples whose time is before `since_ns` are not learned; 0: all that the log has are. Times are Unix
    nanoseconds, `ended_ns` 0 while it is under way. `progress` is None where no process runs it.
    """

    model: str
    line: int
    state: RetrainState
    reason: str
    automatic: bool
    started_ns: int
    ended_ns: int = 0
    outcome: str = ""
    since_ns: int = 0
    progress: RetrainProgress | None = None
