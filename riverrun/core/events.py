"""Events: what happened, in which stream, at which position."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from riverrun.core.predictions import FeatureValue, Label


class Stream(enum.Enum):
    """The four streams of a model."""

    PREDICTIONS = "predictions"
    LABELS = "labels"
    EXAMPLES = "examples"
    DEAD_LETTERS = "dead_letters"

    # Each member is one object. Enum's own hash is computed in Python, a dozen times for every label joined.
    __hash__ = object.__hash__


Offsets = Mapping[int, int]
"""Where one stream is read next: partition -> offset of the first event not yet taken."""

Positions = Mapping[Stream, Offsets]
"""Where a trainer stands in every stream it reads; committed inside the version it led to.

Of the predictions it is the oldest that a label may still be joined to: reading begins there again. Of the
others it is the first event that was not taken; where the join needs older ones, its own part says so.
"""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event on its way into the log.

    `event_id` judges duplicates (DECISIONS 20); empty means the event is always new.
    `time_ns` is the event's own time, Unix nanoseconds, None for the time of receipt at the log.
    `body` is the event as JSON (`Example` for the examples stream). `sha256(body)` need not be equal for
    duplicates: `fingerprint` is what a repeated id is compared by (the label), empty to ignore it.
    """

    event_id: str
    body: bytes
    time_ns: int | None = None
    fingerprint: bytes = b""


class LoggedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event as the log keeps it. Times are Unix nanoseconds; `received_ns` is the log's own clock."""

    offset: int
    event_id: str
    time_ns: int
    received_ns: int
    body: bytes
    partition: int = 0


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of one appended event.

    `offset` is where it is; with `duplicate`, where the event of the same id was already. `refused` says
    why it was not appended, naming the field; then `offset` is -1.
    """

    offset: int
    duplicate: bool = False
    refused: str = ""


@dataclass(frozen=True, slots=True)
class LogMoment:
    """Where a model's streams ended when the log's clock was at `clock_ns`, Unix nanoseconds.

    An event that is not below `ends` was, or will be, received then or later. Streams without events may be
    missing.
    """

    clock_ns: int
    ends: Mapping[Stream, Offsets]


class Example(msgspec.Struct, frozen=True, gc=False):
    """Features with their label: what a learner learns from. `weight` is the example's importance.

    `prediction_id` is the id of the answer that the label belongs to, empty where there was none.
    """

    features: Mapping[str, FeatureValue]
    label: Label
    weight: float = 1.0
    prediction_id: str = ""


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """A half-open range of offsets in one partition of one stream: [start, end)."""

    stream: Stream
    partition: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Suspect:
    """Events that were about to be learned when a session ended without a goodbye, `deaths` times in all."""

    range: OffsetRange
    deaths: int


class Arrivals(msgspec.Struct, frozen=True):
    """When the events that a version learned since its base were received, Unix ns; 0, 0 for none."""

    oldest_ns: int = 0
    newest_ns: int = 0


NO_POSITIONS: Positions = {}
NO_ARRIVALS = Arrivals()
