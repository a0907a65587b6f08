"""The two ports of a parameter server or a read replica: gRPC, and HTTP for its status."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable

import grpc

from riverrun.rpc.access.policy import PARAM_SERVER_RPCS, STATUS_ROUTES
from riverrun.rpc.server_security import ServerSecurity
from riverrun.rpc.servers import serving_grpc
from riverrun.runtime.status_app import serving_http, status_app
from riverrun_param_server.settings import ParamServerSettings


@contextlib.asynccontextmanager
async def answering(
    settings: ParamServerSettings,
    security: ServerSecurity,
    add_services: Callable[[grpc.aio.Server], Iterable[str]],
    *,
    alive: Callable[[], bool],
    ready: Callable[[], str],
    on_stop: Callable[[], None],
) -> AsyncIterator[tuple[int, int]]:
    """Answer on both ports, given as (gRPC, HTTP), while the block runs. Raises OSError when one is taken.

    `ready` says why it is not, empty when it is; `on_stop` ends streams that would not end by themselves.
    """
    status = status_app(alive=alive, ready=ready)
    async with (
        serving_http(
            security.guarded(status, STATUS_ROUTES),
            settings.host,
            settings.http_port,
            settings.drain_s,
            security.http,
        ) as http_port,
        serving_grpc(
            add_services,
            settings.host,
            settings.port,
            drain_s=settings.drain_s,
            on_stop=on_stop,
            interceptors=security.interceptors(PARAM_SERVER_RPCS),
            credentials=security.grpc_credentials,
        ) as (port, _),
    ):
        yield port, http_port
