"""Events that could not be learned, set aside with the reason."""

from __future__ import annotations

import base64

import msgspec
import structlog

from riverrun.core.events import LoggedEvent, NewEvent, Stream
from riverrun.events.protocol import EventLog
from riverrun.runtime import metrics
from riverrun_trainer.learning import Refused

MAX_LETTER = 900 << 10
"""Bytes of a dead letter; the log takes 1 MiB. Of a larger event the beginning is kept."""

log = structlog.get_logger()


class DeadLetters:
    """The dead-letter stream of one model. Its ids make a repeated letter count once (DECISIONS 18)."""

    def __init__(self, event_log: EventLog, model: str) -> None:
        self._log = event_log
        self._model = model
        self._waiting: list[NewEvent] = []
        self._first = ""

    def add(self, refused: Refused) -> None:
        """Set `refused` aside; durable after the next `flush`."""
        self._first = self._first or refused.reason
        self._waiting.append(letter(refused.stream, refused.event, refused.reason))

    @property
    def waiting(self) -> int:
        """Letters that are not durable yet."""
        return len(self._waiting)

    async def flush(self) -> None:
        """Return once all that was added is durable. Raises what the log raises; then call it again."""
        while self._waiting:
            batch = self._fitting()
            await self._log.append(self._model, Stream.DEAD_LETTERS, batch)
            del self._waiting[: len(batch)]
            metrics.DEAD_LETTERED.labels(self._model).inc(len(batch))
            log.info("events were set aside", model=self._model, events=len(batch), reason=self._first)
        self._first = ""

    def _fitting(self) -> list[NewEvent]:
        size = 0
        for count, event in enumerate(self._waiting):
            size += len(event.body)
            if size > 2 << 20 and count:
                return self._waiting[:count]
        return list(self._waiting)


def letter(source: Stream, event: LoggedEvent, reason: str) -> NewEvent:
    """`event` of the stream `source` as a dead letter: JSON with the reason, where it was, and its body."""
    facts: dict[str, object] = {
        "reason": reason,
        "stream": source.value,
        "offset": event.offset,
        "event_id": event.event_id,
        "received_ns": event.received_ns,
    }
    body = msgspec.json.encode(facts | _readable(event.body))
    if len(body) > MAX_LETTER:
        kept = base64.b64encode(event.body[: MAX_LETTER // 2]).decode()
        body = msgspec.json.encode(facts | {"body_base64": kept, "cut_from_bytes": len(event.body)})
    return NewEvent(f"dlq:{source.value}:{event.offset}", body, event.time_ns)


def _readable(body: bytes) -> dict[str, object]:
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}
