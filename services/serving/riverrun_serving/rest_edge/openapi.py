"""The hot routes in OpenAPI: they bypass FastAPI, so it cannot describe them itself."""

from __future__ import annotations

from typing import Any

_VALUE = {"type": ["number", "boolean", "string", "null"]}
_FEATURES = {
    "type": "object",
    "additionalProperties": _VALUE,
    "description": "Features by name, as the model's spec declares them; a missing one is absent or null.",
    "examples": [{"distance": 1400, "carrier": "UA"}],
}
_ID = {
    "type": "string",
    "maxLength": 256,
    "description": "The request's id; one is made where none is given.",
}
_ERROR = {
    "type": "object",
    "required": ["error", "reason"],
    "properties": {
        "error": {"type": "string"},
        "reason": {"type": "string", "description": "A stable word, such as INVALID_INPUT or NOT_READY."},
        "field": {"type": "string"},
        "expected": {"type": "string"},
    },
}
_CHOICE = {"type": ["number", "boolean", "string", "null"], "description": "The class or the number."}
_SHARES = {"type": "object", "additionalProperties": {"type": "number"}}
_OF_VERSION = {
    "model_version": {"type": "integer"},
    "channel": {"type": "string"},
    "age_seconds": {"type": "number", "description": "Since the version was last confirmed as the newest."},
}
_ENTRY = {
    "type": "object",
    "required": ["features", "label"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "maxLength": 256, "description": "The id of the prediction, if any."},
        "features": _FEATURES,
        "label": {"type": ["number", "boolean", "string"]},
        "weight": {"type": "number", "minimum": 0, "default": 1},
        "time": {"type": "string", "format": "date-time", "description": "When it happened; default: now."},
        "event_id": {"type": "string", "maxLength": 256, "description": "Judges duplicates."},
    },
}
_TENSOR = {
    "type": "object",
    "required": ["name", "datatype", "shape"],
    "properties": {
        "name": {"type": "string"},
        "datatype": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "parameters": {"type": "object"},
        "data": {"type": "array"},
    },
}


def hot_paths() -> dict[str, Any]:
    """Path items of the hot routes and of the Open Inference Protocol."""
    model = _parameter("model")
    version = _parameter("version", "A channel's name, or the number of a version that a channel holds.")
    infer = _operation("Infer (Open Inference Protocol)", "inference", _INFER_BODY, _INFER_ANSWER)
    paths: dict[str, Any] = {
        "/v1/models/{model}:predict": {
            "parameters": [model],
            "post": _operation("Predict", "predictions", _PREDICT_BODY, _PREDICT_ANSWER),
        },
        "/v1/models/{model}:feedback": {
            "parameters": [model],
            "post": _feedback_operation(),
        },
        "/v2/models/{model}/infer": {"parameters": [model], "post": infer},
        "/v2/models/{model}/versions/{version}/infer": {"parameters": [model, version], "post": infer},
        "/v2/repository/index": {"post": _operation("All versions loaded", "inference")},
    }
    for path, summary in _INFERENCE_GETS.items():
        item: dict[str, Any] = {"get": _operation(summary, "inference")}
        named = [parameter for parameter in (model, version) if f"{{{parameter['name']}}}" in path]
        paths[path] = ({"parameters": named} if named else {}) | item
    return paths


_INFERENCE_GETS = {
    "/v2": "The server's name, version and extensions",
    "/v2/health/live": "Whether the server is alive",
    "/v2/health/ready": "Whether the server is ready",
    "/v2/models": "Names of all models",
    "/v2/models/{model}": "A model's inputs and outputs",
    "/v2/models/{model}/ready": "Whether a model is ready",
    "/v2/models/{model}/versions/{version}": "A version's inputs and outputs",
    "/v2/models/{model}/versions/{version}/ready": "Whether a version is ready",
}
_PREDICT_BODY = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "features": _FEATURES,
        "instances": {"type": "array", "items": _FEATURES, "minItems": 1, "maxItems": 10_000},
        "id": _ID,
        "key": {"type": "string", "description": "Chooses the arm of an experiment."},
    },
    "description": "Exactly one of features and instances.",
}
_PREDICT_ANSWER = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "prediction": _CHOICE,
        "probabilities": _SHARES,
        "ids": {"type": "array", "items": {"type": "string"}, "description": "With instances: one a row."},
        "predictions": {
            "type": "array",
            "items": {"type": "object", "properties": {"prediction": _CHOICE, "probabilities": _SHARES}},
        },
        **_OF_VERSION,
    },
}
_INFER_BODY = {
    "type": "object",
    "required": ["inputs"],
    "properties": {
        "id": {"type": "string"},
        "parameters": {"type": "object"},
        "inputs": {"type": "array", "items": _TENSOR},
        "outputs": {"type": "array", "items": {"type": "object", "required": ["name"]}},
    },
}
_INFER_ANSWER = {
    "type": "object",
    "properties": {
        "model_name": {"type": "string"},
        "model_version": {"type": "string"},
        "id": {"type": "string"},
        "parameters": {"type": "object"},
        "outputs": {"type": "array", "items": _TENSOR},
    },
}
_FEEDBACK_ANSWER = {
    "type": "object",
    "required": ["accepted", "duplicates", "rejected"],
    "properties": {
        "accepted": {"type": "integer"},
        "duplicates": {"type": "integer", "description": "Of the accepted, those that were there already."},
        "rejected": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"index": {"type": "integer"}, "error": {"type": "string"}},
            },
        },
    },
}


def _feedback_operation() -> dict[str, Any]:
    operation = _operation("Give feedback; answered once it is durable", "predictions")
    entry_or_list = {"oneOf": [_ENTRY, {"type": "array", "items": _ENTRY}]}
    operation["requestBody"] = {
        "required": True,
        "content": {
            "application/json": {"schema": entry_or_list},
            "application/x-ndjson": {"schema": _ENTRY},
        },
    }
    del operation["responses"]["200"]
    operation["responses"]["202"] = _response("Durable; of a list each entry is judged", _FEEDBACK_ANSWER)
    return operation


def _operation(
    summary: str, tag: str, body: dict[str, Any] | None = None, answer: dict[str, Any] | None = None
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": summary,
        "tags": [tag],
        "responses": {
            "200": _response("The answer", answer or {}),
            "default": _response("What is wrong, and where", _ERROR),
        },
    }
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation


def _response(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _parameter(name: str, description: str = "The model's name.") -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string"},
    }
