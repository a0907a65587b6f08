"""What a spec says of the join, as the join goes by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from riverrun.core.events import LoggedEvent
from riverrun.core.joining import LabelRecord, PredictionRecord
from riverrun.core.joining_json import decode_label, decode_prediction
from riverrun.core.predictions import Label
from riverrun.core.spec import ModelSpec

MAX_OPEN = 1_000_000


@dataclass(frozen=True, slots=True)
class JoinRules:
    """Times are in nanoseconds. `negative` is what silence stands for, None where it stands for nothing.

    `early_after_ns` is when a prediction is learned as an early negative, None where none is. `max_open`
    bounds the ids that are remembered.
    """

    window_ns: int
    lateness_ns: int
    negative: Label | None = None
    early_after_ns: int | None = None
    takes_corrections: bool = False
    max_open: int = MAX_OPEN

    @classmethod
    def of(cls, spec: ModelSpec, max_open: int = MAX_OPEN) -> JoinRules:
        """The rules of a spec that names a window."""
        label = spec.label
        assert label.window is not None
        return cls(
            window_ns=int(label.window * 1e9),
            lateness_ns=int(label.lateness * 1e9),
            negative=None if label.silence == "ignore" else spec.negative,
            early_after_ns=int(label.early_after * 1e9) if label.silence == "early_negative" else None,
            takes_corrections=label.corrections == "last",
            max_open=max_open,
        )

    @property
    def closes_after_ns(self) -> int:
        """How long after an event's time nothing joins it any more."""
        return self.window_ns + self.lateness_ns


@dataclass(frozen=True, slots=True)
class Readers:
    """How events become records; both raise `InvalidInput`."""

    prediction: Callable[[LoggedEvent], PredictionRecord]
    label: Callable[[LoggedEvent], LabelRecord]


def readers_of(spec: ModelSpec) -> Readers:
    """Readers that check features and labels against `spec`: what its learner can take."""

    def prediction(event: LoggedEvent) -> PredictionRecord:
        record = decode_prediction(event)
        features = spec.check_row(record.features)
        return record if features is record.features else replace(record, features=features)

    return Readers(prediction, lambda event: decode_label(event, spec))
