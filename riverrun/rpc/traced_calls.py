"""Each call that a gRPC server answers as a span of the caller's trace."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import grpc

from riverrun.runtime import tracing

ENDLESS = frozenset({"Watch", "OpenSession", "AppendStream", "Read"})
"""Streams that are open for as long as their ends are: what goes over them are spans, where it matters."""

PROBES = frozenset({"ServerLive", "ServerReady", "ModelReady"})
NOT_OURS = ("/grpc.health.", "/grpc.reflection.")

_FAILURES = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
"""Of the server, by OpenTelemetry's conventions; the others are the caller's."""


class TracingInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc has no hints
    """Comes first, so that the span has the status that the caller is told. Probes are left out."""

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], details: Any) -> Any:
        handler = await continuation(details)
        method: str = details.method
        name = method.rpartition("/")[2]
        if handler is None or name in ENDLESS or name in PROBES or method.startswith(NOT_OURS):
            return handler
        carrier = {key: value for key, value in details.invocation_metadata if isinstance(value, str)}
        service = method.strip("/").partition("/")[0]
        attributes = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name}
        if handler.response_streaming:
            stream = handler.stream_stream if handler.request_streaming else handler.unary_stream

            async def traced_stream(request: Any, context: Any) -> AsyncIterator[Any]:
                with tracing.span(name, "server", attributes, parent=carrier), _noted(context) as aborted:
                    async for response in stream(request, context):
                        yield response
                _end(aborted)

            make = (
                grpc.stream_stream_rpc_method_handler
                if handler.request_streaming
                else grpc.unary_stream_rpc_method_handler
            )
            return make(traced_stream, handler.request_deserializer, handler.response_serializer)
        unary = handler.stream_unary if handler.request_streaming else handler.unary_unary

        async def traced(request: Any, context: Any) -> Any:
            response = None
            with tracing.span(name, "server", attributes, parent=carrier), _noted(context) as aborted:
                response = await unary(request, context)
            _end(aborted)
            return response

        make = (
            grpc.stream_unary_rpc_method_handler
            if handler.request_streaming
            else grpc.unary_unary_rpc_method_handler
        )
        return make(traced, handler.request_deserializer, handler.response_serializer)


@contextlib.contextmanager
def _noted(context: Any) -> Iterator[list[BaseException]]:
    """Note the status in the span. An abort is kept for `_end`: the status says whose fault it is."""
    aborted: list[BaseException] = []
    try:
        yield aborted
    except grpc.aio.AbortError as error:
        aborted.append(error)
    finally:
        code = context.code() or grpc.StatusCode.OK
        tracing.describe({"rpc.grpc.status_code": code.value[0]})
        if code in _FAILURES:
            tracing.fail(code.name)


def _end(aborted: list[BaseException]) -> None:
    for error in aborted:
        raise error
