"""``inference.GRPCInferenceService`` over the same core as REST."""

from __future__ import annotations

import asyncio
import operator
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from riverrun.core.errors import InvalidInput, RiverrunError
from riverrun.rpc.errors import abort, code_of, told
from riverrun.rpc.traced_calls import PROBES
from riverrun.runtime import metrics
from riverrun.runtime.round_budget import RoundBudget
from riverrun_serving.core.inference import EXTENSIONS, LOADING, SERVER_NAME, SERVER_VERSION, Inference
from riverrun_serving.core.traffic import Traffic
from riverrun_serving.grpc_edge import messages
from riverrun_serving.grpc_edge.begun_calls import BegunCalls
from riverrun_serving.grpc_edge.converters import inputs_from, metadata_from, parameter_from, response_from
from riverrun_serving.grpc_edge.extension_converters import config_from, index_from, statistics_from
from riverrun_serving.grpc_edge.known_requests import KnownRequests
from riverrun_serving.grpc_edge.known_responses import KnownResponses

UNANSWERED = "UNANSWERED"
"""Outcome of calls that ended before they were begun; who called heard one of several codes of gRPC's own."""


class InferenceServicer:
    """Decode, call, encode; every error becomes a status at the end."""

    def __init__(self, inference: Inference, traffic: Traffic, rounds: RoundBudget) -> None:
        self._inference = inference
        self._traffic = traffic
        self._rounds = rounds
        self._requests = KnownRequests()
        self._responses = KnownResponses()

    def add_to(self, server: grpc.aio.Server) -> None:
        """Serve this on `server`; there are no stubs."""
        unary = {
            "ServerLive": (self.server_live, messages.ServerLiveRequest),
            "ServerReady": (self.server_ready, messages.ServerReadyRequest),
            "ModelReady": (self.model_ready, messages.ModelReadyRequest),
            "ServerMetadata": (self.server_metadata, messages.ServerMetadataRequest),
            "ModelMetadata": (self.model_metadata, messages.ModelMetadataRequest),
            "ModelInfer": (self.model_infer, messages.ModelInferRequest),
            "ModelConfig": (self.model_config, messages.ModelConfigRequest),
            "ModelStatistics": (self.model_statistics, messages.ModelStatisticsRequest),
            "RepositoryIndex": (self.repository_index, messages.RepositoryIndexRequest),
            "RepositoryModelLoad": (self.refuse_loading, messages.RepositoryModelLoadRequest),
            "RepositoryModelUnload": (self.refuse_loading, messages.RepositoryModelUnloadRequest),
        }
        handlers = {name: self._unary(name, *call) for name, call in unary.items()}
        handlers["ModelStreamInfer"] = grpc.stream_stream_rpc_method_handler(self.model_stream_infer)
        # Not registered by name: gRPC does not count such calls against the server's bound.
        generic = grpc.method_handlers_generic_handler(messages.SERVICE, handlers)
        self._calls = BegunCalls(generic, self._unanswered)
        server.add_generic_rpc_handlers((self._calls,))

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
        return messages.ServerMetadataResponse(
            name=SERVER_NAME, version=SERVER_VERSION, extensions=EXTENSIONS
        )

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
            key=parameter_from(request, "key"),
        )
        return response_from(inferred, raw=bool(request.raw_input_contents))

    async def model_stream_infer(self, requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
        """Answer the requests of one stream in their order; one that fails ends nothing but itself."""
        self._calls.begin()
        async for raw in requests:
            yield await self._streamed(raw)

    async def _streamed(self, raw: bytes) -> bytes:
        response = messages.ModelStreamInferResponse()
        begun, code = time.monotonic(), "OK"
        try:
            request = _read(raw, messages.ModelInferRequest)
            response.infer_response.id = request.id
            response.infer_response.model_name = request.model_name
            response.infer_response.CopyFrom(await self.model_infer(request, None))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # the edge: everything becomes an answer here
            metrics.REFUSED.labels(getattr(error, "reason", "INTERNAL")).inc()
            response.error_message = told(error)
            code = code_of(error)
        model = response.infer_response.model_name
        self._traffic.count("ModelStreamInfer", model, code, time.monotonic() - begun)
        return bytes(response.SerializeToString())

    async def model_config(self, request: Any, _context: Any) -> Any:
        """Inputs and outputs in the words of Triton's configuration."""
        return config_from(self._inference.config(request.name, request.version))

    async def model_statistics(self, request: Any, _context: Any) -> Any:
        """What was answered so far, for each channel asked for."""
        return statistics_from(self._inference.statistics(request.name, request.version))

    async def repository_index(self, request: Any, _context: Any) -> Any:
        """Every version that a channel holds."""
        return index_from(self._inference.index(only_ready=request.ready))

    async def refuse_loading(self, _request: Any, _context: Any) -> Any:
        """Nobody loads or unloads here."""
        raise InvalidInput("", LOADING)

    def _infer_row(self, raw: bytes) -> tuple[str, bytes] | None:
        """The model and the answer for a request of a form that is known; None for any other, and where
        there is no answer: the long way says why."""
        read = self._requests.read(raw)
        if read is None:
            return None
        request, given_id, values = read
        try:
            answer = self._inference.infer_row(
                request.model, request.version, given_id, request.names, values
            )
        except RiverrunError:
            return None
        return request.model, self._responses.write(request.model, answer, raw=request.raw)

    def _unanswered(self, method: str) -> None:
        if method not in PROBES:
            self._traffic.count(method, "", UNANSWERED, 0.0)

    def _unary(self, name: str, method: Callable[[Any, Any], Awaitable[Any]], kind: Any) -> Any:
        # Messages are read here and not by gRPC, which answers bytes that are none with UNKNOWN; errors
        # become statuses here and not in an interceptor, which each call would pay for.
        route = "" if name in PROBES else name
        is_infer = name == "ModelInfer"
        named = operator.attrgetter("model_name" if is_infer else "name")
        has_model = is_infer or "name" in kind.DESCRIPTOR.fields_by_name

        async def call(raw: bytes, context: Any) -> bytes:
            begun, model, code = time.monotonic(), "", "OK"
            self._calls.begin()
            try:
                if is_infer and not self._rounds.begins(begun):
                    await self._rounds.wait()
                short = self._infer_row(raw) if is_infer else None
                if short is not None:
                    model, response = short
                    return response
                request = _read(raw, kind)
                model = named(request) if has_model else ""
                response = bytes((await method(request, context)).SerializeToString())
                if is_infer:
                    self._requests.learn(raw, request)
                return response
            except asyncio.CancelledError:
                code = grpc.StatusCode.CANCELLED.name
                raise
            except Exception as error:  # the edge: everything becomes a status here
                code = code_of(error)
                metrics.REFUSED.labels(getattr(error, "reason", "INTERNAL")).inc()
                await abort(context, error)
                raise AssertionError("abort ends the call") from error
            finally:
                self._traffic.count(route, model, code, time.monotonic() - begun)

        return grpc.unary_unary_rpc_method_handler(call)


def _read(raw: bytes, kind: Any) -> Any:
    """The message that `raw` is. Raises `InvalidInput`."""
    try:
        return kind.FromString(raw)
    except DecodeError:
        raise InvalidInput("request", f"expected a message {kind.DESCRIPTOR.full_name}") from None
