"""The Open Inference Protocol over REST: everything below ``/v2``."""

from __future__ import annotations

import msgspec

from riverrun.core.errors import InvalidInput
from riverrun_serving.core.inference import EXTENSIONS, LOADING, SERVER_NAME, SERVER_VERSION, Inference
from riverrun_serving.rest_edge.body import read_body
from riverrun_serving.rest_edge.exchange import Receive, Reply, Scope, header
from riverrun_serving.rest_edge.inference_body import HEADER_LENGTH, read_infer
from riverrun_serving.rest_edge.inference_json import (
    config_json,
    inferred_reply,
    json_reply,
    metadata_json,
    state_json,
    statistics_json,
)
from riverrun_serving.rest_edge.json_body import decode
from riverrun_serving.rest_edge.statuses import MethodNotAllowed, NoSuchRoute
from riverrun_serving.rest_edge.timeouts import deadline_of


class IndexBody(msgspec.Struct):
    """Body of the repository index, where there is one."""

    ready: bool = False


_index_decoder = msgspec.json.Decoder(IndexBody)


class InferenceRoutes:
    """Decode, call, encode, for each route of the protocol."""

    def __init__(self, inference: Inference, max_body_bytes: int, deadline_s: float) -> None:
        self._inference = inference
        self._max_body_bytes = max_body_bytes
        self._deadline_s = deadline_s

    async def reply(self, scope: Scope, receive: Receive) -> Reply:
        """The reply to a request below ``/v2``. Raises our errors, also for an unknown path or method."""
        path: str = scope["path"]
        method: str = scope["method"]
        match path.strip("/").split("/")[1:]:
            case []:
                _allow(method, "GET")
                return json_reply({"name": SERVER_NAME, "version": SERVER_VERSION, "extensions": EXTENSIONS})
            case ["health", "live"]:
                _allow(method, "GET")
                return json_reply({"live": True})
            case ["health", "ready"]:
                _allow(method, "GET")
                ready = self._inference.server_ready()
                return json_reply({"ready": ready}, 200 if ready else 503)
            case ["models"]:
                _allow(method, "GET")
                return json_reply({"models": self._inference.model_names()})
            case ["models", "stats"] if "stats" not in self._inference.model_names():
                _allow(method, "GET")
                return self._statistics("", "")
            case ["repository", "index"]:
                _allow(method, "POST")
                body = await read_body(scope, receive, self._max_body_bytes)
                wanted = decode(_index_decoder, body) if body.strip() else IndexBody()
                states = self._inference.index(only_ready=wanted.ready)
                return json_reply([state_json(state) for state in states])
            case ["repository", "models", _, "load" | "unload"]:
                _allow(method, "POST")
                raise InvalidInput("", LOADING)
            case ["models", model, "versions", version, *rest]:
                return await self._model(scope, receive, model, version, rest)
            case ["models", model, *rest]:
                return await self._model(scope, receive, model, "", rest)
        raise NoSuchRoute(path)

    async def _model(
        self, scope: Scope, receive: Receive, model: str, version: str, rest: list[str]
    ) -> Reply:
        method: str = scope["method"]
        match rest:
            case []:
                _allow(method, "GET")
                return json_reply(metadata_json(self._inference.metadata(model, version)))
            case ["ready"]:
                _allow(method, "GET")
                ready = self._inference.model_ready(model, version)
                return json_reply({"name": model, "ready": ready}, 200 if ready else 503)
            case ["config"]:
                _allow(method, "GET")
                return json_reply(config_json(self._inference.config(model, version)))
            case ["stats"]:
                _allow(method, "GET")
                return self._statistics(model, version)
            case ["infer"]:
                _allow(method, "POST")
                body = await read_body(scope, receive, self._max_body_bytes)
                return await self._infer(model, version, body, scope)
        raise NoSuchRoute(scope["path"])

    def _statistics(self, model: str, version: str) -> Reply:
        found = self._inference.statistics(model, version)
        return json_reply({"model_stats": [statistics_json(one) for one in found]})

    async def _infer(self, model: str, version: str, body: bytes, scope: Scope) -> Reply:
        asked, tensors = read_infer(body, header(scope, HEADER_LENGTH))
        deadline = deadline_of(scope, self._deadline_s, asked.parameters.get("timeout"))
        outputs = [output.name for output in asked.outputs]
        key = asked.parameters.get("key")
        inferred = await self._inference.infer(model, version, asked.id, tensors, outputs, deadline, key)
        as_bytes = asked.parameters.get("binary_data_output") is True
        wishes = {
            output.name: output.parameters.get("binary_data", as_bytes) is True for output in asked.outputs
        }
        return inferred_reply(inferred, {t.name: wishes.get(t.name, as_bytes) for t in inferred.outputs})


def _allow(method: str, allowed: str) -> None:
    if method != allowed:
        raise MethodNotAllowed(method, allowed)
