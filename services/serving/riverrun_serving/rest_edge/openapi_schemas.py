"""Bodies and answers of the hot routes, as JSON schemas."""

from __future__ import annotations

from typing import Any

from riverrun_serving.core.feedback import MAX_ENTRIES
from riverrun_serving.core.predicting import MAX_ID, MAX_ROWS
from riverrun_serving.core.tensors import DATATYPES

Schema = dict[str, Any]


def fields(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    """An object with these properties, and no others that the documentation promises."""
    return {"type": "object", "required": list(required), "properties": properties}


def list_of(items: Schema, **more: Any) -> Schema:
    """A list of `items`."""
    return {"type": "array", "items": items, **more}


TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
VALUE: Schema = {"type": ["number", "boolean", "string", "null"]}

FEATURES: Schema = {
    "type": "object",
    "additionalProperties": VALUE,
    "description": "Features by name, as the model's spec declares them; a missing one is absent or null.",
    "examples": [{"distance": 1400, "carrier": "UA"}],
}
ID: Schema = {
    "type": "string",
    "maxLength": MAX_ID,
    "description": "The request's id; one is made where none is given.",
}

NATIVE_ERROR = fields(
    ("error", "reason"),
    error=TEXT,
    reason={"type": "string", "description": "A stable word, such as INVALID_INPUT or NOT_READY."},
    field=TEXT,
    expected=TEXT,
)
INFERENCE_ERROR = fields(("error",), error=TEXT)

_CHOICE: Schema = VALUE | {"description": "The class or the number."}
_SHARES: Schema = {"type": "object", "additionalProperties": NUMBER}
_PREDICTED: dict[str, Schema] = {"prediction": _CHOICE, "probabilities": _SHARES}
PREDICT_BODY: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "features": FEATURES,
        "instances": list_of(FEATURES, minItems=1, maxItems=MAX_ROWS),
        "id": ID,
        "key": {
            "type": ["string", "null"],
            "description": "Chooses the arm of an experiment; without a key, none.",
        },
        "time": {"type": ["string", "null"], "format": "date-time", "description": "When it happened; now."},
        "durable": {
            "type": "boolean",
            "description": "Answer once the prediction is on disk, for its label.",
        },
    },
    "oneOf": [{"required": ["features"]}, {"required": ["instances"]}],
    "description": "Exactly one of features and instances.",
}
PREDICT_ANSWER = fields(
    ("id", "model_version", "channel", "age_seconds"),
    id=TEXT,
    **_PREDICTED,
    ids=list_of(TEXT, description="With instances: one a row."),
    predictions=list_of(fields(("prediction",), **_PREDICTED)),
    model_version=WHOLE,
    channel=TEXT,
    age_seconds=NUMBER | {"description": "Since the version was last confirmed as the newest."},
    arm=TEXT | {"description": "The arm of the experiment that the key belongs to; absent: in none."},
)

_ENTRY: Schema = {
    "type": "object",
    "required": ["features", "label"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "maxLength": MAX_ID, "description": "The id of the prediction, if any."},
        "features": FEATURES,
        "label": {"type": ["number", "boolean", "string"]},
        "weight": {"type": "number", "minimum": 0, "default": 1},
        "time": {"type": "string", "format": "date-time", "description": "When it happened; default: now."},
        "event_id": {"type": "string", "maxLength": MAX_ID, "description": "Judges duplicates."},
    },
}
_JUDGED: Schema = {"anyOf": [_ENTRY, {"description": "Anything else, which is rejected by itself."}]}
FEEDBACK_LINE = _JUDGED
FEEDBACK_BODY: Schema = {"oneOf": [_ENTRY, list_of(_JUDGED, minItems=1, maxItems=MAX_ENTRIES)]}
FEEDBACK_ANSWER = fields(
    ("accepted", "duplicates", "rejected"),
    accepted=WHOLE,
    duplicates=WHOLE | {"description": "Of the accepted, those that were there already."},
    rejected=list_of(fields(("index", "error"), index=WHOLE, error=TEXT)),
)

SERVER = fields(("name", "version", "extensions"), name=TEXT, version=TEXT, extensions=list_of(TEXT))
LIVE = fields(("live",), live=FLAG)
READY = fields(("ready",), ready=FLAG)
NAMES = fields(("models",), models=list_of(TEXT))
MODEL_READY = fields(("name", "ready"), name=TEXT, ready=FLAG)
_TENSOR_INFO = fields(("name", "datatype", "shape"), name=TEXT, datatype=TEXT, shape=list_of(WHOLE))
METADATA = fields(
    ("name", "versions", "platform", "inputs", "outputs"),
    name=TEXT,
    versions=list_of(TEXT),
    platform=TEXT,
    inputs=list_of(_TENSOR_INFO),
    outputs=list_of(_TENSOR_INFO),
)
_CONFIG_TENSOR = fields(
    ("name", "data_type", "dims"), name=TEXT, data_type=TEXT, dims=list_of(WHOLE), optional=FLAG
)
CONFIG = fields(
    ("name", "platform", "backend", "max_batch_size", "input", "output"),
    name=TEXT,
    platform=TEXT,
    backend=TEXT,
    max_batch_size=WHOLE,
    input=list_of(_CONFIG_TENSOR),
    output=list_of(_CONFIG_TENSOR),
)
_SUM = fields(("count", "ns"), count=WHOLE, ns=WHOLE)
_SUMS = ("success", "fail", "queue", "compute_input", "compute_infer", "compute_output")
STATISTICS = fields(
    ("model_stats",),
    model_stats=list_of(
        fields(
            ("name", "version", "last_inference", "inference_count", "execution_count", "inference_stats"),
            name=TEXT,
            version=TEXT,
            last_inference=WHOLE | {"description": "Unix milliseconds; 0: none yet."},
            inference_count=WHOLE | {"description": "Rows."},
            execution_count=WHOLE | {"description": "Requests."},
            inference_stats=fields(_SUMS, **dict.fromkeys(_SUMS, _SUM)),
        )
    ),
)
INDEX_BODY = fields(ready=FLAG | {"description": "Only versions that answer."})
INDEX = list_of(
    fields(("name", "version", "state", "reason"), name=TEXT, version=TEXT, state=TEXT, reason=TEXT)
)
_PARAMETERS: Schema = {"type": "object"}
_TENSOR = fields(
    ("name", "datatype", "shape"),
    name=TEXT,
    datatype=TEXT | {"enum": sorted(DATATYPES)},
    shape=list_of(WHOLE | {"minimum": 0}, minItems=1, maxItems=2),
    parameters=_PARAMETERS,
    data={"type": "array"},
)
INFER_BODY = fields(
    ("inputs",),
    id=ID,
    parameters=_PARAMETERS,
    inputs=list_of(_TENSOR, minItems=1),
    outputs=list_of(fields(("name",), name=TEXT, parameters=_PARAMETERS)),
)
INFER_ANSWER = fields(
    ("model_name", "model_version", "id", "parameters", "outputs"),
    model_name=TEXT,
    model_version=TEXT,
    id=TEXT,
    parameters=_PARAMETERS,
    outputs=list_of(_TENSOR),
)
