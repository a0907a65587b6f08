"""What the verbs of the SDK answer with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from riverrun.client.run_folder import ServiceRecord
from riverrun.core.dead_letters import DeadLetter
from riverrun.core.experiment_results import ExperimentResults
from riverrun.core.experiments import Experiment
from riverrun.core.predictions import Label
from riverrun.core.versions import Channel, Line, Manifest, ModelInfo, ReaderInfo


class PredictAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one row, and which weights gave it.

    `prediction` is the class or the number, None where the model has seen no class yet.
    `probabilities` is by class, as strings, for classifiers. `age_seconds` says how long ago the serving
    process last confirmed that its version is the channel's newest.
    """

    id: str
    prediction: Label | None
    model_version: int
    channel: str
    age_seconds: float
    probabilities: Mapping[str, float] | None = None
    arm: str | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one row of many; the version is that of the whole answer."""

    prediction: Label | None
    probabilities: Mapping[str, float] | None = None


class ManyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answers for many rows, all of one version; `ids[i]` names row i for feedback."""

    ids: list[str]
    predictions: list[Row]
    model_version: int
    channel: str
    age_seconds: float
    arm: str | None = None


class Rejected(msgspec.Struct, frozen=True):
    """The feedback entry at `index` was not taken; `error` names the field and what was expected."""

    index: int
    error: str


class FeedbackAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of feedback: `accepted` entries are on disk, `duplicates` of them were before."""

    accepted: int
    duplicates: int = 0
    rejected: list[Rejected] = []


@dataclass(frozen=True, slots=True)
class Applied:
    """A spec was registered. `previous` is the model as it was, None for a new one.

    `opened_line`: the model learns from scratch in a new line, which `candidate` follows where another
    line is live. `changed` is False when the very same spec was there already.
    """

    model: ModelInfo
    opened_line: bool
    previous: ModelInfo | None

    @property
    def changed(self) -> bool:
        """Whether anything is different now."""
        return self.previous is None or self.previous.spec_revision != self.model.spec_revision


@dataclass(frozen=True, slots=True)
class ChannelMoved:
    """A channel was moved from `previous` to `channel`; `reset` is the line that learning goes on in."""

    model: str
    channel: Channel
    previous: Channel
    reset: Line | None = None


@dataclass(frozen=True, slots=True)
class WasReset:
    """Learning goes on in `line` from version `to`; `previous_head` was the newest version before."""

    model: str
    line: Line
    to: int
    previous_head: int


@dataclass(frozen=True, slots=True)
class Imported:
    """An object of the user's own became `version`, the first of the line that `channel` follows."""

    model: str
    version: int
    channel: Channel


@dataclass(frozen=True, slots=True)
class PolicyChanged:
    """Policies were set; `before` and `after` hold the changed keys, None where a key was or is not set."""

    model: ModelInfo
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ExperimentStatus:
    """An experiment and what it has come to; `results` None: its trainer has reported none."""

    model: str
    experiment: Experiment
    results: ExperimentResults | None


@dataclass(frozen=True, slots=True)
class SetAside:
    """A dead letter, and whether its event was given back to the trainer."""

    letter: DeadLetter
    replayed: bool


@dataclass(frozen=True, slots=True)
class LettersReplayed:
    """The ids of the letters whose events were appended again, of those where that was done before, and of
    those where it cannot be, with the reason."""

    model: str
    replayed: tuple[str, ...]
    before: tuple[str, ...]
    refused: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Announcement:
    """A channel was seen at `manifest.version`; generations of one channel only grow."""

    channel: str
    generation: int
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One model: where it stands, the manifest of its live version (None before the first), its readers."""

    model: ModelInfo
    live: Manifest | None
    readers: tuple[ReaderInfo, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """All models, and the processes that the run folder names (empty without one)."""

    models: tuple[ModelStatus, ...]
    services: tuple[ServiceRecord, ...]
