"""The REST edge as one ASGI application: hot routes first and bare, FastAPI behind them for the rest."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from riverrun.runtime import metrics
from riverrun.runtime.http_protocol import ARRIVED
from riverrun_serving.core.traffic import Traffic
from riverrun_serving.rest_edge.body import read_body
from riverrun_serving.rest_edge.exchange import (
    Disconnected,
    Receive,
    Reply,
    Scope,
    Send,
    header,
    send_reply,
)
from riverrun_serving.rest_edge.inference_routes import InferenceRoutes
from riverrun_serving.rest_edge.native_routes import NativeRoutes
from riverrun_serving.rest_edge.places import FEEDBACK, MODELS, PREDICT, VERSIONS, place_of
from riverrun_serving.rest_edge.statuses import MethodNotAllowed, inference_error, native_error
from riverrun_serving.rest_edge.timeouts import deadline_of


class RestEdge:
    """Routes each request. Every error is answered as ``{"error": …}``, here and behind."""

    def __init__(
        self,
        native: NativeRoutes,
        inference: InferenceRoutes,
        behind: Callable[[Any, Any, Any], Awaitable[None]],
        max_body_bytes: int,
        deadline_s: float,
        is_stopping: Callable[[], bool],
        traffic: Traffic,
    ) -> None:
        """`deadline_s` is for predictions whose requests name none. While `is_stopping` every answer ends its
        connection, so that callers go elsewhere.
        """
        self._native = native
        self._inference = inference
        self._behind = behind
        self._max_body_bytes = max_body_bytes
        self._deadline_s = deadline_s
        self._is_stopping = is_stopping
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if self._is_stopping():
                send = _closing(send)
            path: str = scope["path"]
            if path.startswith(MODELS):
                if path.endswith(PREDICT):
                    await self._answer(self._predict, native_error, scope, receive, send)
                    return
                if path.endswith(FEEDBACK):
                    await self._answer(self._feedback, native_error, scope, receive, send)
                    return
            elif path == "/v2" or path.startswith("/v2/"):
                await self._answer(self._inference.reply, inference_error, scope, receive, send)
                return
        await self._behind(scope, receive, send)

    async def _answer(
        self,
        route: Callable[[Scope, Receive], Awaitable[Reply]],
        as_reply: Callable[[Exception], Reply],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        arrived_at: float = scope.get(ARRIVED) or time.monotonic()
        try:
            reply = await route(scope, receive)
        except Disconnected:
            return
        except Exception as error:  # the edge: everything becomes an answer here
            metrics.REFUSED.labels(getattr(error, "reason", "INTERNAL")).inc()
            reply = as_reply(error)
        route_name, model = place_of(scope["path"])
        self._traffic.count(route_name, model, str(reply.status), time.monotonic() - arrived_at)
        await send_reply(send, reply)

    async def _predict(self, scope: Scope, receive: Receive) -> Reply:
        _only_post(scope)
        body = await read_body(scope, receive, self._max_body_bytes)
        model, _, version = scope["path"][len(MODELS) : -len(PREDICT)].partition(VERSIONS)
        return await self._native.predict(model, version, body, deadline_of(scope, self._deadline_s))

    async def _feedback(self, scope: Scope, receive: Receive) -> Reply:
        _only_post(scope)
        body = await read_body(scope, receive, self._max_body_bytes)
        model = scope["path"][len(MODELS) : -len(FEEDBACK)]
        return await self._native.feedback(model, body, header(scope, b"content-type"))


def _closing(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"connection", b"close")]
        await send(message)

    return sending


def _only_post(scope: Scope) -> None:
    if scope["method"] != "POST":
        raise MethodNotAllowed(scope["method"], "POST")
