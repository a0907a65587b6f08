"""Predictions that were served and labels that came, as logged; and what they make together.

A label that names its prediction by id meets it in the trainer, within the window that the spec names. What
comes of that, like an example that brought its features along, is a `JoinedExample`: it is scored, then
learned.
"""

from __future__ import annotations

import enum

import msgspec

from riverrun.core.events import Example, LoggedEvent, Stream
from riverrun.core.predictions import Features, Label, Prediction


class PredictionRecord(msgspec.Struct, frozen=True, gc=False):
    """One answer as it was served: an event of the stream ``predictions``.

    `time_ns` is its event time. `answer` is what the caller got, by the weights of `version`, which
    `channel` pointed to. `arm` is the side of an experiment (see `arm_in_log`), empty where none ran, and
    `key_place` the hash of the request's key that decided it. `partition` and `offset` are the record's place
    in the stream.
    """

    id: str
    time_ns: int
    features: Features
    version: int
    channel: str
    answer: Prediction
    arm: str = ""
    key_place: int | None = None
    partition: int = 0
    offset: int = -1


class LabelRecord(msgspec.Struct, frozen=True, gc=False):
    """What happened, told by the id of the prediction alone: an event of the stream ``labels``.

    `time_ns` is its event time. `weight` is the example's importance.
    """

    prediction_id: str
    time_ns: int
    label: Label
    weight: float = 1.0


class Origin(enum.Enum):
    """Why an example is judged or learned now."""

    LABEL = "label"
    """Its label came: with the features, or by the id of its prediction."""

    CORRECTION = "correction"
    """Another label came for a prediction that has one already; the later one counts."""

    SILENCE = "silence"
    """No label came within the window, and the spec says what that means."""

    EARLY_NEGATIVE = "early_negative"
    """No label came so far, and the spec takes that for a negative until one does."""

    LATE_POSITIVE = "late_positive"
    """The label of an example that was learned as an early negative, and is none."""

    CONFIRMED = "confirmed"
    """An early negative turned out to be one."""

    @property
    def is_judged(self) -> bool:
        """Whether the label is known for good for the first time: metrics count each example once."""
        return self not in (Origin.EARLY_NEGATIVE, Origin.CORRECTION)

    @property
    def is_learned(self) -> bool:
        """Whether the model learns from it; a confirmed negative was learned before."""
        return self is not Origin.CONFIRMED


class JoinedExample(msgspec.Struct, frozen=True, gc=False):
    """An example on its way to be scored and learned.

    `served` is the prediction that was really served for it, None where none was logged. `event` of
    `stream` is what decided it: its label, its example with features, or (by silence) its prediction.
    `time_ns` is the event time of the label; by silence, when the window closed.
    """

    example: Example
    event: LoggedEvent
    stream: Stream
    time_ns: int
    origin: Origin = Origin.LABEL
    served: PredictionRecord | None = None
