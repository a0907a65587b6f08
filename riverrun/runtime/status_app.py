"""The small HTTP side of a service without one of its own: liveness, readiness, metrics."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from riverrun.runtime.certificates import ServerContext
from riverrun.runtime.http_protocol import HttpBounds, http_protocol


def status_app(*, alive: Callable[[], bool], ready: Callable[[], str]) -> Starlette:
    """Routes ``/livez``, ``/readyz`` and ``/metrics``.

    `alive` False answers 503. `ready` says in words why the service is not ready, empty when it is.
    """

    async def livez(_request: Request) -> Response:
        ok = alive()
        return JSONResponse({"live": ok}, 200 if ok else 503)

    async def readyz(_request: Request) -> Response:
        why = ready()
        return JSONResponse({"ready": not why} | ({"reason": why} if why else {}), 503 if why else 200)

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)])


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own: the lifecycle owns the process's signals."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]  # the parent's has no hints either
        yield


@contextlib.asynccontextmanager
async def serving_http(
    app: object,
    host: str,
    port: int,
    drain_s: float = 5.0,
    tls: ServerContext | None = None,
    bounds: HttpBounds | None = None,
) -> AsyncIterator[int]:
    """Serve an ASGI `app` while the block runs; gives the bound port. Raises OSError if it is taken.

    With `tls` the port takes TLS alone. With `bounds` clients are held to them.
    """
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]  # any ASGI callable
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=int(drain_s) or 1,
        timeout_keep_alive=30,
        ssl_context_factory=None if tls is None else lambda _config, _default: tls.context,
        http="auto" if bounds is None else http_protocol(bounds),
    )
    server = _Server(config)
    # uvicorn would end the process where it cannot bind; here the caller decides.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.create_server((host, port), family=family, backlog=2048)
    task = asyncio.create_task(server.serve(sockets=[sock]), name="http")
    try:
        while not server.started:
            if task.done():
                raise OSError(f"cannot listen on {host}:{port}")
            await asyncio.sleep(0.005)
        yield int(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        await task
        sock.close()
