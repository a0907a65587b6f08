"""The gate in front of an HTTP application's routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from riverrun.core import errors
from riverrun.rpc.access.guard import Guard
from riverrun.rpc.access.policy import Access, Route

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

_STATUSES: dict[type[errors.RiverrunError], int] = {
    errors.Unauthenticated: 401,
    errors.PermissionDenied: 403,
    errors.NotFound: 404,
    errors.Unavailable: 503,
}


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer in place of the application's."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


def refused(_path: str, error: errors.RiverrunError) -> Refused:
    """``{"error", "reason"}`` and the error's facts."""
    status = _STATUSES[type(error)]
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if status == 401:
        headers = ((b"www-authenticate", b'Bearer realm="riverrun"'),)
    elif status == 503:
        headers = ((b"retry-after", b"1"),)
    body = {"error": str(error), **error.facts(), "reason": error.reason}
    return Refused(status, msgspec.json.encode(body), headers)


class HttpGuard:
    """An ASGI application that hands on what the table admits; the rest never reaches `app`."""

    def __init__(
        self,
        app: App,
        guard: Guard,
        routes: Sequence[Route],
        answer: Callable[[str, errors.RiverrunError], Refused] = refused,
    ) -> None:
        self._app = app
        self._guard = guard
        self._routes = [(route.pattern(), route) for route in routes]
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            try:
                await self._admit(scope)
            except errors.RiverrunError as error:
                await _send(send, self._answer(scope["path"], error))
                return
            await self._app(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _admit(self, scope: Scope) -> None:
        path: str = scope["path"]
        method: str = scope["method"]
        access = self._access(path, "GET" if method == "HEAD" else method)
        # An address without an entry names nothing: not even that something is there.
        if access is None:
            raise errors.NotFound("route", f"{method[:16]} {path[:128]}")
        await self._guard.admit(f"{method[:16]} {path[:128]}", access, _authorization(scope))

    def _access(self, path: str, method: str) -> Access | None:
        for pattern, route in self._routes:
            if route.method == method and pattern.fullmatch(path):
                return route.access
        return None


def _authorization(scope: Scope) -> str | None:
    for key, value in scope["headers"]:
        if key == b"authorization":
            return str(value, "latin-1")
    return None


async def _send(send: Send, answer: Refused) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer.body)).encode()),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
