"""An example as JSON: the body of an event in the ``examples`` stream."""

from __future__ import annotations

import msgspec

from riverrun.core.errors import InvalidInput
from riverrun.core.events import Example
from riverrun.core.spec.features import finite_number, shown
from riverrun.core.spec.model_spec import ModelSpec

MAX_EXAMPLE_BYTES = 16 << 20

_KEYS = frozenset({"features", "label", "weight", "prediction_id"})
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(dict)
_usual = msgspec.json.Decoder(Example)


def encode_example(example: Example) -> bytes:
    """`example` as JSON. Every number comes back exactly; fields at their default are left out."""
    body: dict[str, object] = {"features": example.features, "label": example.label}
    if example.weight != 1.0:
        body["weight"] = example.weight
    if example.prediction_id:
        body["prediction_id"] = example.prediction_id
    return _encoder.encode(body)


def decode_example(body: bytes, spec: ModelSpec) -> Example:
    """The example that `body` holds, checked against the spec's features and label.

    Raises `InvalidInput` naming the field and what was expected.
    """
    if len(body) > MAX_EXAMPLE_BYTES:
        raise InvalidInput("", f"expected at most {MAX_EXAMPLE_BYTES} bytes, got {len(body)}")
    try:
        usual = _usual.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        # Something is wrong with it: looked into part by part, so that the error can say what.
        return _decode_by_parts(body, spec)
    features, label = spec.check_row(usual.features), spec.check_label(usual.label)
    if features is usual.features and label is usual.label and usual.weight >= 0:
        return usual
    return _decode_by_parts(body, spec)


def _decode_by_parts(body: bytes, spec: ModelSpec) -> Example:
    try:
        fields = _decoder.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidInput("", "expected a JSON object with features and label") from error
    unknown = fields.keys() - _KEYS
    if unknown:
        raise InvalidInput(min(unknown)[:64], f"unknown key; known: {', '.join(sorted(_KEYS))}")
    for required in ("features", "label"):
        if required not in fields:
            raise InvalidInput(required, "is required")
    weight = finite_number("weight", fields.get("weight", 1.0))
    if weight < 0:
        raise InvalidInput("weight", f"expected 0 or more, got {shown(weight)}")
    prediction_id = fields.get("prediction_id", "")
    if not isinstance(prediction_id, str):
        raise InvalidInput("prediction_id", f"expected a string, got {shown(prediction_id)}")
    features = spec.check_row(fields["features"])
    return Example(features, spec.check_label(fields["label"]), float(weight), prediction_id)
