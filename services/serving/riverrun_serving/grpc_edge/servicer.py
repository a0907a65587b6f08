"""``inference.GRPCInferenceService`` over the same core as REST."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from riverrun.core.errors import InvalidInput
from riverrun.rpc.errors import abort
from riverrun.runtime import metrics
from riverrun_serving.core.inference import SERVER_NAME, SERVER_VERSION, Inference
from riverrun_serving.grpc_edge import messages
from riverrun_serving.grpc_edge.converters import inputs_from, metadata_from, response_from
from riverrun_serving.grpc_edge.known_requests import KnownRequests
from riverrun_serving.grpc_edge.known_responses import KnownResponses


class InferenceServicer:
    """Decode, call, encode; every error becomes a status at the end."""

    def __init__(self, inference: Inference) -> None:
        self._inference = inference
        self._requests = KnownRequests()
        self._responses = KnownResponses()

    def add_to(self, server: grpc.aio.Server) -> None:
        """Serve this on `server`, by generic handlers: there are no stubs."""
        handlers = {
            "ServerLive": _unary(self.server_live, messages.ServerLiveRequest),
            "ServerReady": _unary(self.server_ready, messages.ServerReadyRequest),
            "ModelReady": _unary(self.model_ready, messages.ModelReadyRequest),
            "ServerMetadata": _unary(self.server_metadata, messages.ServerMetadataRequest),
            "ModelMetadata": _unary(self.model_metadata, messages.ModelMetadataRequest),
            "ModelInfer": _unary(
                self.model_infer, messages.ModelInferRequest, self._infer_row, self._requests.learn
            ),
        }
        handler = grpc.method_handlers_generic_handler(messages.SERVICE, handlers)
        server.add_generic_rpc_handlers((handler,))

    async def server_live(self, _request: Any, _context: Any) -> Any:
        """Answered at all: alive."""
        return messages.ServerLiveResponse(live=True)

    async def server_ready(self, _request: Any, _context: Any) -> Any:
        """As ``/readyz``."""
        return messages.ServerReadyResponse(ready=self._inference.server_ready())

    async def model_ready(self, request: Any, _context: Any) -> Any:
        """Whether one model, or one version of it, answers."""
        return messages.ModelReadyResponse(ready=self._inference.model_ready(request.name, request.version))

    async def server_metadata(self, _request: Any, _context: Any) -> Any:
        """Who answers."""
        return messages.ServerMetadataResponse(name=SERVER_NAME, version=SERVER_VERSION, extensions=[])

    async def model_metadata(self, request: Any, _context: Any) -> Any:
        """How to call a model."""
        found = self._inference.metadata(request.name, request.version)
        return messages.ModelMetadataResponse(
            name=found.name,
            versions=found.versions,
            platform=found.platform,
            inputs=metadata_from(found.inputs),
            outputs=metadata_from(found.outputs),
        )

    async def model_infer(self, request: Any, _context: Any) -> Any:
        """Answer for every row."""
        inferred = await self._inference.infer(
            request.model_name,
            request.model_version,
            request.id,
            inputs_from(request),
            [output.name for output in request.outputs],
        )
        return response_from(inferred, raw=bool(request.raw_input_contents))

    def _infer_row(self, raw: bytes) -> bytes | None:
        """The answer to a request of a form that is known; None for any other, and for wrong features."""
        read = self._requests.read(raw)
        if read is None:
            return None
        request, given_id, values = read
        try:
            answer = self._inference.infer_row(
                request.model, request.version, given_id, request.names, values
            )
        except InvalidInput:
            # The long way names the tensor.
            return None
        return self._responses.write(request.model, answer, raw=request.raw)


def _unary(
    method: Callable[[Any, Any], Awaitable[Any]],
    kind: Any,
    short_way: Callable[[bytes], bytes | None] = lambda _raw: None,
    learn: Callable[[bytes, Any], None] = lambda _raw, _request: None,
) -> Any:
    # Messages are read here and not by gRPC, which answers bytes that are none with UNKNOWN; errors become
    # statuses here and not in an interceptor, which each call would pay for.
    async def call(raw: bytes, context: Any) -> bytes:
        try:
            response = short_way(raw)
            if response is None:
                request = kind.FromString(raw)
                response = (await method(request, context)).SerializeToString()
                learn(raw, request)
            return response
        except asyncio.CancelledError:
            raise
        except DecodeError:
            error: Exception = InvalidInput("request", f"expected a message {kind.DESCRIPTOR.full_name}")
        except Exception as raised:  # the edge: everything becomes a status here
            error = raised
        metrics.REFUSED.labels(getattr(error, "reason", "INTERNAL")).inc()
        await abort(context, error)
        raise AssertionError("abort ends the call")

    return grpc.unary_unary_rpc_method_handler(call)
