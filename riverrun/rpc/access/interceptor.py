"""The gate in front of a gRPC server's handlers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import grpc

from riverrun.core.errors import PermissionDenied, RiverrunError
from riverrun.rpc.access.caller import CALLER
from riverrun.rpc.access.guard import Guard
from riverrun.rpc.access.policy import Access
from riverrun.rpc.errors import abort


class AccessInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc has no hints
    """Asks the guard as each call begins; a call that is admitted costs nothing after that."""

    def __init__(self, guard: Guard, policy: Mapping[str, Access]) -> None:
        self._guard = guard
        self._policy = policy

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], details: Any) -> Any:
        """The call's own handler, or one of its shape that ends it with the refusal."""
        access = self._policy.get(details.method)
        try:
            if access is not None:
                call = details.method.rpartition("/")[2]
                identity = await self._guard.admit(call, access, _authorization(details.invocation_metadata))
                # The handler runs in this task.
                CALLER.set("" if identity is None else identity.name)
                return await continuation(details)
            refusal: RiverrunError = PermissionDenied("nobody", details.method, "a call that has a policy")
        except RiverrunError as error:
            refusal = error
        handler = await continuation(details)
        # What is not there stays UNIMPLEMENTED.
        return None if handler is None else _refusing(handler, refusal)


def _authorization(metadata: Any) -> str | None:
    for key, value in metadata:
        if key == "authorization":
            return value if isinstance(value, str) else None
    return None


def _refusing(handler: Any, refusal: RiverrunError) -> Any:
    async def refuse(_request: Any, context: Any) -> None:
        await abort(context, refusal)

    async def refuse_stream(_request: Any, context: Any) -> AsyncIterator[None]:
        await abort(context, refusal)
        yield None

    if handler.response_streaming:
        make = (
            grpc.stream_stream_rpc_method_handler
            if handler.request_streaming
            else grpc.unary_stream_rpc_method_handler
        )
        return make(refuse_stream)
    make = (
        grpc.stream_unary_rpc_method_handler
        if handler.request_streaming
        else grpc.unary_unary_rpc_method_handler
    )
    return make(refuse)
