"""Structured logs: a constant sentence plus fields; JSON in a pod, readable in a terminal."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any, Literal

import structlog

MAX_FIELD = 4096
"""Bytes of a field at most, as JSON; longer ones are cut: whoever names an event must not flood the log."""


def set_up_logs(
    service: str, *, level: str = "info", form: Literal["auto", "json", "console"] = "auto"
) -> None:
    """Route structlog and the standard library's logging to stderr, each line naming `service`."""
    console = sys.stderr.isatty() if form == "auto" else form == "console"
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _bound_fields,
    ]
    last: list[Any] = (
        [_printable, structlog.dev.ConsoleRenderer()]
        if console
        else [structlog.processors.format_exc_info, _bound_exception, structlog.processors.JSONRenderer()]
    )
    numeric = logging.getLevelName(level.upper())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(numeric)
    for chatty in ("uvicorn.access", "uvicorn.error", "asyncio"):
        logging.getLogger(chatty).setLevel(max(numeric, logging.WARNING))
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(service=service)


def _bound_fields(_logger: Any, _method: str, event: Any) -> Any:
    for key, value in event.items():
        if key in _PASSED_ON or value is None or isinstance(value, (bool, int, float)):
            continue
        if isinstance(value, str):
            event[key] = _bounded(value)
        elif len(json.dumps(value, default=repr)) > MAX_FIELD:
            event[key] = _bounded(str(value))
    return event


_PASSED_ON = ("exc_info", "_record", "_from_structlog")
"""Not fields yet: an exception is bounded once it is text."""


def _bound_exception(_logger: Any, _method: str, event: Any) -> Any:
    text = event.get("exception")
    if isinstance(text, str) and _bounded(text) is not text:
        # Where it began and what it was are at the ends.
        event["exception"] = _bounded(text, MAX_FIELD // 2) + _bounded(text[::-1], MAX_FIELD // 2)[::-1]
    return event


def _bounded(text: str, max_bytes: int = MAX_FIELD) -> str:
    if len(text) * 12 <= max_bytes:
        return text  # even if each character becomes two escapes of six bytes
    cut = text[:max_bytes]
    while len(json.dumps(cut)) > max_bytes:
        cut = cut[: len(cut) * 3 // 4]
    return text if len(cut) == len(text) else cut[:-1] + "…"


def _printable(_logger: Any, _method: str, event: Any) -> Any:
    """For terminals: what would move their cursor, or begin a line of its own, is shown as an escape."""
    for key, value in event.items():
        if isinstance(value, str) and key != "exception" and not value.isprintable():
            event[key] = "".join(c if c.isprintable() else repr(c)[1:-1] for c in value)
    return event
