"""Traces by OpenTelemetry, where its environment variables ask for them.

Without them nothing of OpenTelemetry is imported, and a span is one comparison. What a span is part of
travels as a *carrier*: names and texts as the propagators write them, ``traceparent`` first of all.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol

import structlog

Kind = Literal["internal", "server", "client"]
Carrier = Mapping[str, str]
Value = str | int | float | bool

MODEL, CHANNEL, VERSION = "riverrun.model", "riverrun.channel", "riverrun.version"
ROWS, BYTES = "riverrun.rows", "riverrun.bytes"
"""Attributes of spans, beside those that OpenTelemetry's conventions name."""

log = structlog.get_logger()


class Spans(Protocol):
    """Makes spans, and says where in a trace the caller is."""

    def span(
        self,
        name: str,
        kind: Kind,
        attributes: Mapping[str, Value],
        parent: Carrier | None,
        also: Sequence[Carrier],
    ) -> AbstractContextManager[None]:
        """A span while the block runs, which an error that leaves the block is noted in."""

    def describe(self, attributes: Mapping[str, Value]) -> None:
        """Add to the present span."""

    def fail(self, why: str) -> None:
        """Note that what the present span is about failed."""

    def here(self) -> dict[str, str]:
        """The carrier of the present span, empty outside of any."""

    def close(self) -> None:
        """Send what is left, within some seconds."""


_spans: Spans | None = None
_NOTHING = contextlib.nullcontext()
_NO_ATTRIBUTES: Mapping[str, Value] = {}


@contextlib.contextmanager
def tracing(service: str) -> Iterator[None]:
    """Trace while the block runs, if the environment asks for it; `service` is its name where that has none.

    What cannot be had, since a package is missing, is said in the log, and done without.
    """
    global _spans
    # Here, not at the top: callers of servers import this module too, and read no settings.
    from riverrun.runtime.tracing_settings import TracingSettings

    names = TracingSettings().exporters()
    if not names:
        yield
        return
    try:
        # OpenTelemetry is an extra, and only paid for by who asks for it.
        from riverrun.runtime.otel_spans import OtelSpans

        spans: Spans = OtelSpans(service, names)
    except (ImportError, LookupError) as error:
        log.warning("no traces: they need riverrun[otel]", exporters=names, error=str(error))
        yield
        return
    _spans = spans
    log.info("tracing", exporters=names)
    try:
        yield
    finally:
        _spans = None
        spans.close()


def is_on() -> bool:
    """Whether traces are made."""
    return _spans is not None


def span(
    name: str,
    kind: Kind = "internal",
    attributes: Mapping[str, Value] = _NO_ATTRIBUTES,
    *,
    parent: Carrier | None = None,
    also: Sequence[Carrier] = (),
) -> AbstractContextManager[None]:
    """A span while the block runs; nothing where traces are off.

    It is part of `parent`, else of the present span; `also` are spans of other traces that led to it.
    """
    return _NOTHING if _spans is None else _spans.span(name, kind, attributes, parent, also)


def continued(
    name: str, kind: Kind, attributes: Mapping[str, Value], parent: Carrier
) -> AbstractContextManager[None]:
    """A span as by `span` where `parent` names a trace; nothing where it is empty."""
    return span(name, kind, attributes, parent=parent) if parent else _NOTHING


def describe(attributes: Mapping[str, Value]) -> None:
    """Add to the present span."""
    if _spans is not None:
        _spans.describe(attributes)


def fail(why: str) -> None:
    """Note that what the present span is about failed, where no error leaves it."""
    if _spans is not None:
        _spans.fail(why)


def here() -> dict[str, str]:
    """The carrier of the present span; empty where traces are off."""
    return {} if _spans is None else _spans.here()
