"""Many small appends as few: what arrives while some are on their way goes together in the next."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import structlog

from riverrun.core.errors import Exhausted, RiverrunError, Unavailable
from riverrun.core.events import Appended, NewEvent, Stream
from riverrun.events.protocol import Appends
from riverrun.runtime import tracing

log = structlog.get_logger()

MAX_APPEND_BYTES = 1 << 20
MAX_APPEND_EVENTS = 2_000
MAX_WAITING_BYTES = 64 << 20
EVENT_OVERHEAD = 128
MAX_ON_THE_WAY = 2
"""Appends of one stream at a time: the log commits one while the next arrives."""

_Address = tuple[str, Stream]


@dataclass(slots=True)
class _Waiting:
    events: Sequence[NewEvent]
    size: int
    done: asyncio.Future[list[Appended]]
    origin: tracing.Carrier


class AppendQueue:
    """Appends to streams of one event log, handed to it in order of arrival per model and stream.

    Nothing is acknowledged before it is on disk. At most `MAX_ON_THE_WAY` appends per stream are on their
    way; a single event that finds fewer leaves at once. Use as an async context manager: leaving it fails
    what still waits with `Unavailable`.
    """

    def __init__(self, log: Appends) -> None:
        self._log = log
        self._queues: dict[_Address, list[_Waiting]] = {}
        self._senders: dict[_Address, set[asyncio.Task[None]]] = {}
        self._waiting_bytes = 0

    async def __aenter__(self) -> AppendQueue:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        senders = [sender for of_stream in self._senders.values() for sender in of_stream]
        for sender in senders:
            sender.cancel()
        await asyncio.gather(*senders, return_exceptions=True)

    async def append(self, model: str, stream: Stream, events: Sequence[NewEvent]) -> list[Appended]:
        """Append `events`; returns once all are on disk. Raises what the log raises, `Exhausted` when
        too much waits already."""
        pieces = list(_pieces(events))
        size = sum(piece_size for _, piece_size in pieces)
        if self._waiting_bytes and self._waiting_bytes + size > MAX_WAITING_BYTES:
            raise Exhausted("feedback waiting for the event log", f"{MAX_WAITING_BYTES} bytes")
        loop = asyncio.get_running_loop()
        origin = tracing.here()
        waiting = [_Waiting(piece, piece_size, loop.create_future(), origin) for piece, piece_size in pieces]
        self._waiting_bytes += size
        address = (model, stream)
        self._queues.setdefault(address, []).extend(waiting)
        senders = self._senders.setdefault(address, set())
        if len(senders) < MAX_ON_THE_WAY:
            sender = asyncio.create_task(self._send(address), name=f"append to {model} {stream.value}")
            senders.add(sender)
            sender.add_done_callback(senders.discard)
        if len(waiting) == 1:
            return await waiting[0].done
        results = await asyncio.gather(*[one.done for one in waiting], return_exceptions=True)
        appended: list[Appended] = []
        for result in results:
            if isinstance(result, BaseException):
                raise result
            appended += result
        return appended

    async def _send(self, address: _Address) -> None:
        queue = self._queues[address]
        try:
            while queue:
                batch, count = _next_batch(queue)
                del queue[:count]
                await self._send_batch(address, batch)
        except asyncio.CancelledError:
            left, queue[:] = queue[:], []
            self._settle(left, Unavailable("the event log", "this process is stopping"))
            raise

    async def _send_batch(self, address: _Address, batch: Sequence[_Waiting]) -> None:
        events = [event for one in batch for event in one.events]
        try:
            with _append_span(*address, batch):
                appended = await self._log.append(*address, events)
            if len(appended) != len(events):
                raise Unavailable("the event log", "its answer does not fit the request")
        except asyncio.CancelledError:
            self._settle(batch, Unavailable("the event log", "this process is stopping"))
            raise
        except RiverrunError as error:
            self._settle(batch, error)
            return
        except Exception as error:  # whoever waits must hear of it, whatever went wrong
            log.exception("an append failed by an error of ours", model=address[0])
            self._settle(batch, Unavailable("the event log", type(error).__name__))
            return
        begin = 0
        for one in batch:
            self._waiting_bytes -= one.size
            end = begin + len(one.events)
            if not one.done.done():
                one.done.set_result(appended[begin:end])
            begin = end

    def _settle(self, batch: Sequence[_Waiting], error: RiverrunError) -> None:
        for one in batch:
            self._waiting_bytes -= one.size
            if not one.done.done():
                one.done.set_exception(error)


def _append_span(model: str, stream: Stream, batch: Sequence[_Waiting]) -> AbstractContextManager[None]:
    """Part of the trace of the first request in `batch`; those of the others are named as what led to it."""
    first, *others = [one.origin for one in batch]
    rows = sum(len(one.events) for one in batch)
    attributes = {tracing.MODEL: model, "riverrun.stream": stream.value, tracing.ROWS: rows}
    return tracing.span("append", "client", attributes, parent=first, also=others)


def _next_batch(queue: Sequence[_Waiting]) -> tuple[list[_Waiting], int]:
    size = events = count = 0
    for one in queue:
        if count and (size + one.size > MAX_APPEND_BYTES or events + len(one.events) > MAX_APPEND_EVENTS):
            break
        size += one.size
        events += len(one.events)
        count += 1
    return list(queue[:count]), count


def _pieces(events: Sequence[NewEvent]) -> list[tuple[list[NewEvent], int]]:
    """`events` in order, cut where a message would grow too large."""
    pieces: list[tuple[list[NewEvent], int]] = []
    piece: list[NewEvent] = []
    size = 0
    for event in events:
        cost = len(event.body) + len(event.fingerprint) + EVENT_OVERHEAD
        if piece and (size + cost > MAX_APPEND_BYTES or len(piece) >= MAX_APPEND_EVENTS):
            pieces.append((piece, size))
            piece, size = [], 0
        piece.append(event)
        size += cost
    pieces.append((piece, size))
    return pieces
