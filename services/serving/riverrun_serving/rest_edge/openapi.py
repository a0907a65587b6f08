"""The hot routes in OpenAPI: they bypass FastAPI, so it cannot describe them itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from riverrun_serving.rest_edge import openapi_schemas as schemas

Item = dict[str, Any]

JSON = "application/json"
LINES = "application/x-ndjson"
OCTETS = "application/octet-stream"

_VERSION = "A channel's name, or the number of a version that a channel holds."
_MODEL_PATHS: Mapping[str, tuple[str, schemas.Schema]] = {
    "": ("Inputs and outputs", schemas.METADATA),
    "/ready": ("Whether it answers", schemas.MODEL_READY),
    "/config": ("Inputs and outputs, in the words of Triton's configuration", schemas.CONFIG),
    "/stats": ("What was answered since this process began to serve it", schemas.STATISTICS),
}


def hot_paths() -> dict[str, Item]:
    """Path items of the hot routes and of the Open Inference Protocol."""
    return _native_paths() | _inference_paths()


def error_answers() -> dict[int | str, Item]:
    """The answer to what goes wrong at any other route, as FastAPI takes it."""
    return {"default": _NATIVE_WRONG}


def _native_paths() -> dict[str, Item]:
    predict = _native("Predict", schemas.PREDICT_ANSWER, {JSON: schemas.PREDICT_BODY})
    feedback = _native(
        "Give feedback; answered once it is durable",
        schemas.FEEDBACK_ANSWER,
        {JSON: schemas.FEEDBACK_BODY, LINES: schemas.FEEDBACK_LINE},
        status="202",
    )
    model, version = _parameters("model"), _parameters("model", "version")
    return {
        "/v1/models/{model}:predict": {"parameters": model, "post": predict},
        "/v1/models/{model}/versions/{version}:predict": {"parameters": version, "post": predict},
        "/v1/models/{model}:feedback": {"parameters": model, "post": feedback},
    }


def _inference_paths() -> dict[str, Item]:
    paths: dict[str, Item] = {
        "/v2": {"get": _inference("The server's name, version and extensions", schemas.SERVER)},
        "/v2/health/live": {"get": _inference("Whether the server is alive", schemas.LIVE)},
        "/v2/health/ready": {"get": _ready("Whether the server is ready", schemas.READY)},
        "/v2/models": {"get": _inference("Names of all models", schemas.NAMES)},
        "/v2/models/stats": {"get": _inference("Statistics of all models", schemas.STATISTICS)},
        "/v2/repository/index": {"post": _index()},
    }
    for verb in ("load", "unload"):
        refused = _inference(f"Refused: nobody can {verb} a version here", {}, status="400")
        path = f"/v2/repository/models/{{model}}/{verb}"
        paths[path] = {"parameters": _parameters("model"), "post": refused}
    for names in (("model",), ("model", "version")):
        path = "/v2/models/{model}" + ("/versions/{version}" if "version" in names else "")
        parameters = _parameters(*names)
        for end, (summary, answer) in _MODEL_PATHS.items():
            make = _ready if end == "/ready" else _inference
            paths[path + end] = {"parameters": parameters, "get": make(summary, answer)}
        paths[path + "/infer"] = {"parameters": parameters, "post": _infer()}
    return paths


def _infer() -> Item:
    operation = _inference("Infer", schemas.INFER_ANSWER, {JSON: schemas.INFER_BODY})
    operation["description"] = (
        "A body may be JSON and raw tensors after it: the header Inference-Header-Content-Length then says "
        "where the JSON ends. It may be packed by gzip or deflate."
    )
    operation["responses"]["200"]["content"][OCTETS] = {"schema": {"type": "string", "format": "binary"}}
    return operation


def _index() -> Item:
    operation = _inference("All versions loaded", schemas.INDEX, {JSON: schemas.INDEX_BODY})
    operation["requestBody"]["required"] = False
    return operation


def _ready(summary: str, answer: schemas.Schema) -> Item:
    operation = _inference(summary, answer)
    operation["responses"]["503"] = _answer("It does not", {"anyOf": [answer, schemas.INFERENCE_ERROR]})
    return operation


def _native(
    summary: str, answer: schemas.Schema, bodies: Mapping[str, schemas.Schema], *, status: str = "200"
) -> Item:
    responses = {status: _answer("The answer", answer)} | {"default": _NATIVE_WRONG}
    return _operation(summary, "predictions", responses, bodies)


def _inference(
    summary: str,
    answer: schemas.Schema,
    bodies: Mapping[str, schemas.Schema] | None = None,
    *,
    status: str = "200",
) -> Item:
    responses = {status: _answer("The answer", answer) if answer else _INFERENCE_WRONG}
    responses["default"] = _INFERENCE_WRONG
    return _operation(summary, "open inference protocol", responses, bodies)


def _operation(summary: str, tag: str, responses: Item, bodies: Mapping[str, schemas.Schema] | None) -> Item:
    operation: Item = {"summary": summary, "tags": [tag], "responses": responses}
    if bodies:
        content = {kind: {"schema": schema} for kind, schema in bodies.items()}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _answer(description: str, schema: schemas.Schema) -> Item:
    return {"description": description, "content": {JSON: {"schema": schema}}}


def _parameters(*names: str) -> list[Item]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _VERSION if name == "version" else "The model's name.",
            "schema": {"type": "string", "minLength": 1},
        }
        for name in names
    ]


_NATIVE_WRONG = _answer("What is wrong, and where", schemas.NATIVE_ERROR)
_INFERENCE_WRONG = _answer("What is wrong", schemas.INFERENCE_ERROR)
