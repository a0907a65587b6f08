"""A retrain's feed: the rows of the history's files first, in order, then what the log has."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from typing import Any

import structlog

from riverrun.core.errors import InvalidInput
from riverrun.core.events import LoggedEvent, OffsetRange, Stream
from riverrun.core.joining import JoinedExample
from riverrun.core.spec import ModelSpec
from riverrun_trainer.feed import Feed
from riverrun_trainer.learning import Learning
from riverrun_trainer.refused import Refused
from riverrun_trainer.retraining.history_part import WHOLE, HistoryPart
from riverrun_trainer.retraining.history_rows import example_of, read_rows
from riverrun_trainer.where import Where

MAX_AHEAD = 4_096
"""Rows that are read ahead of the learning loop."""

_Row = tuple[str, int, Mapping[str, Any]]
"""A file, where the row is in it, and its cells; `WHOLE` in place of a row once there are no more."""

log = structlog.get_logger()


class HistoryFeed:
    """Of one session. A row that cannot be learned is counted and logged: no event was lost with it."""

    def __init__(
        self,
        spec: ModelSpec,
        part: HistoryPart,
        then: Feed,
        wake: Callable[[], None],
        tell: Callable[[str], None],
    ) -> None:
        """`wake` is called whenever there is more to take; `tell` hears why a file cannot be read."""
        until = spec.retrain.history.until
        self._spec = spec
        # All rows are from before this time, and of none is it known when exactly.
        self._time_ns = 0 if until is None else int(until.timestamp() * 1e9)
        self._part = part
        self._then = then
        self._wake = wake
        self._tell = tell
        self._rows: deque[_Row] = deque()
        # Rows that wait in an unfinished mini-batch are not taken yet.
        self._ahead: dict[str, int] = {}
        self._room = asyncio.Event()
        self._left = [name for name in spec.retrain.history.files if part.taken(name) != WHOLE]
        self.refused = 0
        """Rows that could not be learned."""

    @property
    def is_done(self) -> bool:
        """Whether all rows are learned or refused, so that the log's turn has come."""
        return not self._left

    def readers(self) -> Iterable[Coroutine[Any, Any, None]]:
        """See `Feed.readers`."""
        return [self._fill(), *self._then.readers()]

    def __bool__(self) -> bool:
        return bool(self._then) if self.is_done else bool(self._rows)

    def next_learned(self) -> Where | None:
        """See `Feed.next_learned`; a row of a file is no event, and cannot be named."""
        return self._then.next_learned() if self.is_done else None

    def learn(
        self, learning: Learning, limit: float, until_s: float, poisoned: Mapping[Where, str]
    ) -> list[Refused]:
        """See `Feed.learn`."""
        if self.is_done:
            return self._then.learn(learning, limit, until_s, poisoned)
        while self._rows and limit > 0:
            name, number, cells = self._rows.popleft()
            if number == WHOLE:
                self._left.remove(name)
            else:
                self._learn(learning, name, number, cells)
                limit -= 1
            self._ahead[name] = WHOLE if number == WHOLE else number + 1
            if not learning.batch.waiting:
                for taken, rows in self._ahead.items():
                    self._part.take(taken, rows)
                self._ahead.clear()
            if time.perf_counter() >= until_s:
                break
        if len(self._rows) < MAX_AHEAD // 2:
            self._room.set()
        return []

    def take_expired(self) -> Sequence[OffsetRange]:
        """See `Feed.take_expired`."""
        return self._then.take_expired()

    def _learn(self, learning: Learning, name: str, number: int, cells: Mapping[str, Any]) -> None:
        try:
            example = example_of(cells, self._spec)
            event = LoggedEvent(number, f"{name}:{number}", self._time_ns, self._time_ns, b"")
            refused = learning.take_joined([JoinedExample(example, event, Stream.EXAMPLES, self._time_ns)])
            reasons = [one.reason for one in refused]
        except InvalidInput as error:
            reasons = [str(error)]
        if reasons and not self.refused:
            log.warning("a row of a file cannot be learned", file=name, row=number, reason=reasons[0])
        self.refused += len(reasons)

    async def _fill(self) -> None:
        for name in list(self._left):
            skip = self._part.taken(name)
            batches = read_rows(name, skip)
            number = skip
            while rows := await self._read(batches):
                self._rows.extend((name, number + n, row) for n, row in enumerate(rows))
                number += len(rows)
                self._wake()
                if len(self._rows) > MAX_AHEAD:
                    self._room.clear()
                    await self._room.wait()
            self._rows.append((name, WHOLE, {}))
            log.info("a file was read", file=name, rows=number)
            self._wake()
        await asyncio.Event().wait()

    async def _read(self, batches: Iterator[Sequence[Mapping[str, Any]]]) -> Sequence[Mapping[str, Any]]:
        try:
            return await asyncio.to_thread(_next, batches)
        except InvalidInput as error:
            self._tell(str(error))
            raise


def _next(batches: Iterator[Sequence[Mapping[str, Any]]]) -> Sequence[Mapping[str, Any]]:
    return next(batches, ())
