"""Predictions and labels as JSON: the bodies of events in the streams ``predictions`` and ``labels``.

A prediction's id is its event id, and not in the body. Probabilities are pairs of class and share, so that
classes keep their type.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from riverrun.core.errors import InvalidInput
from riverrun.core.events import LoggedEvent
from riverrun.core.joining import LabelRecord, PredictionRecord
from riverrun.core.predictions import Features, FeatureValue, Label, Prediction
from riverrun.core.spec.features import finite_number, shown
from riverrun.core.spec.model_spec import ModelSpec


class _PredictionBody(msgspec.Struct, omit_defaults=True, gc=False):
    features: Mapping[str, FeatureValue]
    version: int
    channel: str
    prediction: Label | None = None
    probabilities: list[tuple[Label, float]] | None = None
    arm: str = ""
    key_place: int | None = None


class _LabelBody(msgspec.Struct, omit_defaults=True, gc=False):
    id: str
    label: Label
    weight: float = 1.0


_encode = msgspec.json.Encoder().encode
_prediction_body = msgspec.json.Decoder(_PredictionBody).decode
_label_body = msgspec.json.Decoder(_LabelBody).decode


def encode_prediction(
    features: Features,
    answer: Prediction,
    *,
    version: int,
    channel: str,
    arm: str = "",
    key_place: int | None = None,
) -> bytes:
    """The body of a prediction. Every number comes back exactly."""
    shares = answer.probabilities
    pairs = None if shares is None else list(shares.items())
    return _encode(_PredictionBody(features, version, channel, answer.value, pairs, arm, key_place))


def decode_prediction(event: LoggedEvent) -> PredictionRecord:
    """The prediction that an event of the stream ``predictions`` is. Raises `InvalidInput`.

    Its features are those that were answered for: they were checked then, by the spec of that version.
    """
    try:
        body = _prediction_body(event.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidInput("", f"expected a prediction as serving logs it: {error}") from error
    pairs = body.probabilities
    return PredictionRecord(
        id=event.event_id,
        time_ns=event.time_ns,
        features=body.features,
        version=body.version,
        channel=body.channel,
        answer=Prediction(body.prediction, None if pairs is None else dict(pairs)),
        arm=body.arm,
        key_place=body.key_place,
        partition=event.partition,
        offset=event.offset,
    )


def encode_label(prediction_id: str, label: Label, weight: float = 1.0) -> bytes:
    """The body of a label."""
    return _encode(_LabelBody(prediction_id, label, weight))


def decode_label(event: LoggedEvent, spec: ModelSpec) -> LabelRecord:
    """The label that an event of the stream ``labels`` is, checked against the spec.

    Raises `InvalidInput` naming the field and what was expected.
    """
    try:
        body = _label_body(event.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidInput("", f"expected a JSON object with id and label: {error}") from error
    if not body.id:
        raise InvalidInput("id", "is required")
    weight = finite_number("weight", body.weight)
    if weight < 0:
        raise InvalidInput("weight", f"expected 0 or more, got {shown(weight)}")
    return LabelRecord(body.id, event.time_ns, spec.check_label(body.label), weight)
