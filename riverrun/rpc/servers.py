"""gRPC servers: the same options, error mapping, health and reflection everywhere."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from riverrun.rpc.channels import MAX_MESSAGE
from riverrun.rpc.errors import abort
from riverrun.rpc.traced_calls import TracingInterceptor
from riverrun.runtime import tracing

_OPTIONS = [
    # Two processes must never share a port by accident: the second one fails to bind.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.keepalive_time_ms", 30_000),
    # Also for how long the kernel waits for a client that takes nothing. One that stands still for some
    # seconds, or whose link does, keeps its connection; one that is gone costs nothing meanwhile.
    ("grpc.keepalive_timeout_ms", 30_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 0),
]


class ErrorInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc has no hints
    """Turns the errors that handlers raise into statuses; handlers know no status codes."""

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], details: Any) -> Any:
        handler = await continuation(details)
        if handler is None:
            return None
        if handler.response_streaming:
            stream = handler.stream_stream if handler.request_streaming else handler.unary_stream

            async def guarded_stream(request: Any, context: Any) -> AsyncIterator[Any]:
                try:
                    async for response in stream(request, context):
                        yield response
                except (asyncio.CancelledError, grpc.aio.AbortError):
                    raise
                except Exception as error:  # the edge: everything becomes a status here
                    await abort(context, error)

            make = (
                grpc.stream_stream_rpc_method_handler
                if handler.request_streaming
                else grpc.unary_stream_rpc_method_handler
            )
            return make(guarded_stream, handler.request_deserializer, handler.response_serializer)
        unary = handler.stream_unary if handler.request_streaming else handler.unary_unary

        async def guarded(request: Any, context: Any) -> Any:
            try:
                return await unary(request, context)
            except (asyncio.CancelledError, grpc.aio.AbortError):
                raise
            except Exception as error:  # the edge: everything becomes a status here
                await abort(context, error)

        make = (
            grpc.stream_unary_rpc_method_handler
            if handler.request_streaming
            else grpc.unary_unary_rpc_method_handler
        )
        return make(guarded, handler.request_deserializer, handler.response_serializer)


@contextlib.asynccontextmanager
async def serving_grpc(
    add_services: Callable[[grpc.aio.Server], Iterable[str]],
    host: str,
    port: int,
    *,
    drain_s: float = 5.0,
    on_stop: Callable[[], None] = lambda: None,
    interceptors: Iterable[grpc.aio.ServerInterceptor] = (),
    credentials: grpc.ServerCredentials | None = None,
    reflection_pool: Any = None,
    map_errors: bool = True,
    options: Sequence[tuple[str, int]] = (),
    max_calls: int | None = None,
) -> AsyncIterator[tuple[int, health.aio.HealthServicer]]:
    """Serve gRPC while the block runs; gives the bound port and the health servicer.

    `add_services` adds servicers and returns their full names, for health and reflection. When the block
    ends health turns NOT_SERVING, `on_stop` is called so that endless streams can end, and calls in
    progress get `drain_s` seconds. `map_errors` False spares each call an interceptor where the handlers
    turn their errors into statuses themselves. With `credentials` the port takes TLS
    alone. `interceptors` come first of all. `options` are gRPC's own, beside those of every server. Calls
    beyond `max_calls` at once, streams included, are answered RESOURCE_EXHAUSTED. Raises OSError when the
    port is taken.
    """
    server = grpc.aio.server(
        options=[*_OPTIONS, *options],
        maximum_concurrent_rpcs=max_calls,
        interceptors=[
            *([TracingInterceptor()] if tracing.is_on() else []),
            *interceptors,
            *([ErrorInterceptor()] if map_errors else []),
        ],
    )
    names = list(add_services(server))
    healths = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(healths, server)
    listed = [*names, health.SERVICE_NAME, reflection.SERVICE_NAME]
    if reflection_pool is None:
        reflection.enable_server_reflection(listed, server)
    else:
        reflection.enable_server_reflection(listed, server, pool=reflection_pool)
    try:
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if credentials is None:
            bound = server.add_insecure_port(address)
        else:
            bound = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise OSError(f"cannot listen on {host}:{port}") from error
    await server.start()
    for name in ["", *names]:
        await healths.set(name, health_pb2.HealthCheckResponse.SERVING)
    try:
        yield bound, healths
    finally:
        await healths.enter_graceful_shutdown()
        on_stop()
        await server.stop(drain_s)
