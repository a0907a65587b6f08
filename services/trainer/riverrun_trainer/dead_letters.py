"""Events that could not be learned, set aside with the reason."""

from __future__ import annotations

import structlog

from riverrun.core.dead_letters import letter_of
from riverrun.core.events import NewEvent, Stream
from riverrun.events.protocol import EventLog
from riverrun.runtime import metrics
from riverrun_trainer.refused import Refused

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
        self._waiting.append(letter_of(refused.stream, refused.event, refused.reason))

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
