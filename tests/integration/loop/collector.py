"""A collector of traces: OpenTelemetry's own service over gRPC on loopback, which keeps what it is sent."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as pb_grpc


@dataclass(frozen=True)
class Sent:
    """A span as it came, ids in hexadecimal."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, Any] = field(compare=False)
    failed: bool = False


class Collector(pb_grpc.TraceServiceServicer):  # type: ignore[misc]  # generated
    """Every span that was sent so far."""

    def __init__(self) -> None:
        self.spans: list[Sent] = []
        self.port = 0

    def Export(self, request: Any, context: Any) -> Any:
        for of_process in request.resource_spans:
            service = _values(of_process.resource.attributes)["service.name"]
            for scope in of_process.scope_spans:
                self.spans += [_sent(service, span) for span in scope.spans]
        return pb.ExportTraceServiceResponse()

    def named(self, name: str, **attributes: Any) -> list[Sent]:
        """Those of this name, with these attributes below ``riverrun.``."""
        wanted = {f"riverrun.{key}": value for key, value in attributes.items()}
        return [
            span for span in self.spans if span.name == name and wanted.items() <= span.attributes.items()
        ]

    @contextlib.contextmanager
    def listening(self) -> Iterator[Collector]:
        """Take spans while the block runs."""
        server = grpc.server(ThreadPoolExecutor(2))
        pb_grpc.add_TraceServiceServicer_to_server(self, server)
        self.port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield self
        finally:
            server.stop(0).wait()


def _sent(service: str, span: Any) -> Sent:
    return Sent(
        service,
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        _values(span.attributes),
        span.status.code == span.status.STATUS_CODE_ERROR,
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
