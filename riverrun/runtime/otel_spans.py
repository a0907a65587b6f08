"""Spans as OpenTelemetry's SDK makes and sends them; imported only where traces are on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import entry_points, version

from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from riverrun.runtime.tracing import Carrier, Kind, Value

CLOSE_S = 3.0
"""Seconds in which the last spans are sent as the process stops: a collector that is away holds up nobody."""

_KINDS = {"internal": SpanKind.INTERNAL, "server": SpanKind.SERVER, "client": SpanKind.CLIENT}


class OtelSpans:
    """`tracing.Spans`, by a provider of our own.

    The provider is not made OpenTelemetry's global one: FastAPI and others would add spans of theirs, probes
    among them.
    """

    def __init__(self, service: str, exporters: Sequence[str]) -> None:
        """Raises LookupError for an exporter that is not installed, ImportError where it lacks a package."""
        self._provider = TracerProvider(resource=_resource(service), shutdown_on_exit=False)
        for name in exporters:
            self._provider.add_span_processor(BatchSpanProcessor(_exporter(name)))
        self._tracer = self._provider.get_tracer("riverrun", version("riverrun"))

    @contextlib.contextmanager
    def span(
        self,
        name: str,
        kind: Kind,
        attributes: Mapping[str, Value],
        parent: Carrier | None,
        also: Sequence[Carrier],
    ) -> Iterator[None]:
        """See `tracing.Spans.span`."""
        with self._tracer.start_as_current_span(
            name,
            None if parent is None else propagate.extract(parent),
            _KINDS[kind],
            attributes,
            [Link(trace.get_current_span(propagate.extract(one)).get_span_context()) for one in also],
            record_exception=False,
            set_status_on_exception=False,
        ):
            try:
                yield
            except Exception as error:
                # The class says enough: an error's text may hold what a caller sent.
                self.fail(getattr(error, "reason", type(error).__name__))
                raise

    def describe(self, attributes: Mapping[str, Value]) -> None:
        """See `tracing.Spans.describe`."""
        trace.get_current_span().set_attributes(attributes)

    def fail(self, why: str) -> None:
        """See `tracing.Spans.fail`."""
        span = trace.get_current_span()
        span.set_attribute("error.type", why)
        span.set_status(Status(StatusCode.ERROR))

    def here(self) -> dict[str, str]:
        """See `tracing.Spans.here`."""
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        return carrier

    def close(self) -> None:
        """See `tracing.Spans.close`."""
        # The SDK waits for as long as an exporter tries, whatever it is told.
        closing = threading.Thread(target=self._provider.shutdown, name="close traces", daemon=True)
        closing.start()
        closing.join(CLOSE_S)


def _resource(service: str) -> Resource:
    found = Resource.create({SERVICE_VERSION: version("riverrun")})
    if str(found.attributes[SERVICE_NAME]).startswith("unknown_service"):
        return found.merge(Resource({SERVICE_NAME: service}))
    return found


def _exporter(name: str) -> SpanExporter:
    for point in entry_points(group="opentelemetry_traces_exporter", name=name):
        exporter: SpanExporter = point.load()()
        return exporter
    known = sorted({point.name for point in entry_points(group="opentelemetry_traces_exporter")})
    raise LookupError(f"no exporter {name} is installed; there are: {', '.join(known) or 'none'}")
