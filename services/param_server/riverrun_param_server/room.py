"""What goes first when the disk is full (DECISIONS 17): predictions, then events that versions contain.

Then dead letters. Only when there is none of these are pushes and labels refused. An example or a label
that was acknowledged and that no durable version contains never goes; reads need no room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from riverrun.core.errors import Exhausted
from riverrun.core.events import Stream
from riverrun.events.embedded.log import EmbeddedEventLog
from riverrun.runtime import metrics

log = structlog.get_logger()

Below = Callable[[str, Stream], int]
"""Up to which offset a model's stream is contained in every version that learning may go on from."""


class Room:
    """Makes room, a step at a time, for whoever found none."""

    def __init__(self, event_log: EmbeddedEventLog, contained: Below) -> None:
        self._event_log = event_log
        self._contained = contained
        self._turn = asyncio.Lock()
        self._steps = 0

    async def make(self) -> bool:
        """Let go of some events and give their room back to the disk; whether there were any to let go of."""
        seen = self._steps
        async with self._turn:
            if self._steps != seen:
                # Somebody made room while we waited.
                return True
            try:
                stream, events = await self._let_go()
            except Exhausted:
                # Letting go is a transaction as well, and may find no room for its journal.
                return False
            if not events:
                return False
            self._steps += 1
            metrics.LET_GO.labels(stream.value).inc(events)
            log.warning("the disk is full: old events were let go of", stream=stream.value, events=events)
            return True

    async def _let_go(self) -> tuple[Stream, int]:
        for stream in (Stream.PREDICTIONS, Stream.EXAMPLES, Stream.LABELS, Stream.DEAD_LETTERS):
            for model, held in self._event_log.streams.names():
                if held is not stream:
                    continue
                below = self._contained(model, stream)
                if stream in (Stream.PREDICTIONS, Stream.DEAD_LETTERS):
                    # Nothing is learned from a dead letter, and of predictions some may always be missing.
                    below = (await self._event_log.end(model, stream))[0]
                events = await self._event_log.retention.let_go(model, stream, below)
                if events:
                    return stream, events
        return Stream.PREDICTIONS, 0
