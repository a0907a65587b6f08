"""Structured logs: a constant sentence plus fields; JSON in a pod, readable in a terminal."""

from __future__ import annotations

import logging
import sys
from typing import Any, Literal

import structlog

MAX_FIELD = 4096
"""Longer text in a field is cut: whoever names an event must not be able to flood the log."""


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
        [structlog.dev.ConsoleRenderer()]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
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
        if isinstance(value, str) and len(value) > MAX_FIELD:
            event[key] = value[:MAX_FIELD] + "…"
    return event
