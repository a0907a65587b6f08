"""Predictions on their way to the event log: in the background, bounded, and counted where they are lost."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

import structlog

from riverrun.core.errors import InvalidInput, RiverrunError, Unavailable
from riverrun.core.events import Appended, NewEvent, Stream
from riverrun.core.joining_json import encode_prediction
from riverrun.events.protocol import Appends
from riverrun.runtime import metrics
from riverrun_serving.core.predicting import Answer

MAX_APPEND_BYTES = 1 << 20
MAX_APPEND_EVENTS = 1_000
SLICE_EVENTS = 64
"""Events that are made ready at a time: requests come in between."""

GATHER_S = 0.005
"""How long the first waits for others to go with it: one call costs more than a prediction."""

EVENT_OVERHEAD = 256
"""Bytes that an event takes here beside its body."""

MIN_BACKOFF_S, MAX_BACKOFF_S = 0.1, 2.0

log = structlog.get_logger()


class _Waiting(NamedTuple):
    """Rows of one answer that are to be logged: one, with its `body`, or those of `answer`."""

    model: str
    answer: Answer | None
    ids: Sequence[str]
    time_ns: int | None
    body: bytes
    size: int


class PredictionLog:
    """Logs what was answered. Use as an async context manager; leaving it logs what waits, for `drain_s`."""

    def __init__(self, log: Appends, *, max_bytes: int, drain_s: float) -> None:
        """At most `max_bytes` wait here; what comes then is lost, and counted."""
        self._log = log
        self._max_bytes = max_bytes
        self._drain_s = drain_s
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._woken = asyncio.Event()
        self._is_leaving = False
        self._sender: asyncio.Task[None] | None = None

    async def __aenter__(self) -> PredictionLog:
        self._sender = asyncio.create_task(self._send_all(), name="log predictions")
        return self

    async def __aexit__(self, *_exc: object) -> None:
        assert self._sender is not None
        self._is_leaving = True
        self._woken.set()
        await asyncio.wait({self._sender}, timeout=self._drain_s)
        self._sender.cancel()
        await asyncio.gather(self._sender, return_exceptions=True)
        for one in self._waiting:
            self._lose(one.model, len(one.ids), "stopped")

    def note(
        self, model: str, answer: Answer, ids: Sequence[str], share: float, time_ns: int | None = None
    ) -> None:
        """Log this share of the rows of `answer`, chosen by their `ids`, some time soon. Never waits."""
        if share < 1.0:
            answer, ids = _sampled(answer, ids, share)
            if not ids:
                return
        body = _body(answer, 0)
        size = (len(body) + EVENT_OVERHEAD) * len(ids)
        if self._bytes + size > self._max_bytes:
            self._lose(model, len(ids), "full")
            return
        self._bytes += size
        rows = answer if len(ids) > 1 else None
        self._waiting.append(_Waiting(model, rows, ids, time_ns, body, size))
        self._woken.set()

    async def keep(self, model: str, answer: Answer, ids: Sequence[str], time_ns: int | None = None) -> None:
        """Log all rows of `answer`; returns once they are on disk.

        Raises `Unavailable` and `Exhausted` where they are not, `InvalidInput` where the log refuses one.
        """
        for first in range(0, len(ids), MAX_APPEND_EVENTS):
            rows = range(first, min(first + MAX_APPEND_EVENTS, len(ids)))
            events = [NewEvent(ids[row], _body(answer, row), time_ns) for row in rows]
            answers = await self._log.append(model, Stream.PREDICTIONS, events)
            self._count(model, answers)
            for one in answers:
                if one.refused:
                    field, _, expected = one.refused.partition(": ")
                    raise InvalidInput(field, expected)
            await asyncio.sleep(0)

    async def _send_all(self) -> None:
        while True:
            if not self._waiting:
                if self._is_leaving:
                    return
                self._woken.clear()
                await self._woken.wait()
                if not self._is_leaving:
                    await asyncio.sleep(GATHER_S)
                continue
            await self._send(self._waiting[0].model)

    async def _send(self, model: str) -> None:
        """Send the oldest of a model's rows, as many as go in one append; an answer of more in several."""
        events: list[NewEvent] = []
        freed = size = 0
        while self._waiting and self._waiting[0].model == model and not _is_full(events, size):
            one = self._waiting.popleft()
            freed += one.size
            for row, name in enumerate(one.ids):
                if _is_full(events, size):
                    await self._append(model, events)
                    events, size = [], 0
                body = one.body if one.answer is None else _body(one.answer, row)
                events.append(NewEvent(name, body, one.time_ns))
                size += len(body) + EVENT_OVERHEAD
                if len(events) % SLICE_EVENTS == 0:
                    await asyncio.sleep(0)
        await self._append(model, events)
        self._bytes -= freed

    async def _append(self, model: str, events: Sequence[NewEvent]) -> None:
        """Append `events`; while the log is away tried again, as their ids count once."""
        backoff_s = MIN_BACKOFF_S
        while True:
            try:
                self._count(model, await self._log.append(model, Stream.PREDICTIONS, events))
                return
            except Unavailable:
                await asyncio.sleep(backoff_s * random.uniform(0.5, 1.5))
                backoff_s = min(2 * backoff_s, MAX_BACKOFF_S)
            except RiverrunError as error:
                self._lose(model, len(events), error.reason.lower())
                return
            except asyncio.CancelledError:
                self._lose(model, len(events), "stopped")
                raise
            except Exception:  # the sender must go on, whatever went wrong with these
                log.exception("predictions were lost by an error of ours", model=model)
                self._lose(model, len(events), "internal")
                return

    def _count(self, model: str, answers: Sequence[Appended]) -> None:
        repeated = sum(one.duplicate for one in answers)
        refused = sum(bool(one.refused) for one in answers)
        metrics.PREDICTIONS_LOGGED.labels(model).inc(len(answers) - repeated - refused)
        if repeated:
            metrics.PREDICTIONS_REPEATED.labels(model).inc(repeated)
        if refused:
            self._lose(model, refused, "refused")

    def _lose(self, model: str, rows: int, reason: str) -> None:
        metrics.PREDICTIONS_LOST.labels(model, reason).inc(rows)


def _is_full(events: Sequence[NewEvent], size: int) -> bool:
    return len(events) >= MAX_APPEND_EVENTS or size > MAX_APPEND_BYTES


def _body(answer: Answer, row: int) -> bytes:
    exposure = answer.exposure
    return encode_prediction(
        answer.rows[row],
        answer.predictions[row],
        version=answer.loaded.version,
        channel=answer.channel,
        arm="" if exposure is None else exposure.logged,
        key_place=None if exposure is None else exposure.place,
    )


def _sampled(answer: Answer, ids: Sequence[str], share: float) -> tuple[Answer, Sequence[str]]:
    """The rows that are chosen: by a hash of the id, so that all processes choose alike."""
    chosen = [row for row, name in enumerate(ids) if crc32(name.encode()) < share * 2**32]
    if len(chosen) == len(ids):
        return answer, ids
    return (
        Answer(
            answer.id,
            [answer.predictions[row] for row in chosen],
            answer.loaded,
            answer.channel,
            answer.age_s,
            [answer.rows[row] for row in chosen],
            answer.exposure,
        ),
        [ids[row] for row in chosen],
    )
