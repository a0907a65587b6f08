"""Predictions and feedback over REST as spans of their callers' traces; only there where traces are on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from riverrun.runtime import tracing
from riverrun_serving.rest_edge.exchange import Receive, Scope, Send
from riverrun_serving.rest_edge.places import place_of


class TracedEdge:
    """An ASGI application before `edge`. What is no place, probes among it, has no span."""

    def __init__(self, edge: Callable[[Any, Any, Any], Awaitable[None]]) -> None:
        self._edge = edge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = place_of(scope["path"]).route if scope["type"] == "http" else ""
        if not route:
            await self._edge(scope, receive, send)
            return
        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        attributes = {"http.request.method": scope["method"], "http.route": route}

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                status: int = message["status"]
                tracing.describe({"http.response.status_code": status})
                if status >= 500:
                    tracing.fail(str(status))
            await send(message)

        with tracing.span(f"{scope['method']} {route}", "server", attributes, parent=carrier):
            await self._edge(scope, receive, sending)
