"""The event log over gRPC: decode, call, encode."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from riverrun.api.events.v1 import events_pb2 as pb
from riverrun.api.events.v1 import events_pb2_grpc as pb_grpc
from riverrun.core.errors import InvalidInput, RiverrunError
from riverrun.core.events import NewEvent, Offsets, Stream
from riverrun.events.protocol import EventLog
from riverrun.rpc.converters import stream_named
from riverrun.runtime import tracing

DEFAULT_LIMIT = 512
MAX_LIMIT = 10_000
MAX_UNANSWERED = 256
"""Requests of one stream of appends that wait for their answers at most."""


class EventLogServicer(pb_grpc.EventLogServicer):
    """Serves `log`. `check_model` raises `NotFound` for a model that is not registered."""

    def __init__(
        self, log: EventLog, *, store_id: Callable[[], str], check_model: Callable[[str], None]
    ) -> None:
        self._log = log
        self._store_id = store_id
        self._check_model = check_model
        self._taking: set[asyncio.Task[None]] = set()

    def end(self) -> None:
        """Take no more requests from streams of appends, and let them end: the server stops."""
        for taking in self._taking:
            taking.cancel()

    async def Append(self, request: pb.AppendRequest, context: Any) -> pb.AppendResponse:
        stream = self._addressed(request)
        events = [
            NewEvent(event.event_id, event.body, event.time_ns or None, event.fingerprint)
            for event in request.events
        ]
        appended = await self._log.append(request.model, stream, events)
        return pb.AppendResponse(
            store_id=self._store_id(),
            appended=[
                pb.Appended(offset=a.offset, duplicate=a.duplicate, refused=a.refused) for a in appended
            ],
        )

    async def AppendStream(
        self, requests: AsyncIterator[pb.AppendRequest], context: Any
    ) -> AsyncIterator[pb.AppendStreamResponse]:
        answers: asyncio.Queue[asyncio.Task[pb.AppendStreamResponse] | None] = asyncio.Queue()
        room = asyncio.Semaphore(MAX_UNANSWERED)

        async def take() -> None:
            try:
                async for request in requests:
                    await room.acquire()
                    # Tasks begin in the order they were made in, and so the log takes the events in order.
                    answers.put_nowait(asyncio.create_task(self._answer(request, context)))
            finally:
                answers.put_nowait(None)

        taking = asyncio.create_task(take())
        self._taking.add(taking)
        taking.add_done_callback(self._taking.discard)
        try:
            while (answer := await answers.get()) is not None:
                yield await answer
                room.release()
        finally:
            taking.cancel()

    async def _answer(self, request: pb.AppendRequest, context: Any) -> pb.AppendStreamResponse:
        attributes = {tracing.MODEL: request.model, "riverrun.stream": request.stream}
        try:
            with tracing.continued("Append", "server", attributes, request.trace):
                return pb.AppendStreamResponse(answer=await self.Append(request, context))
        except RiverrunError:
            return pb.AppendStreamResponse()

    async def Read(self, request: pb.ReadRequest, context: Any) -> AsyncIterator[pb.ReadResponse]:
        stream = self._addressed(request)
        start: Offsets = {} if request.start < 0 else {0: request.start}
        limit = min(request.limit or DEFAULT_LIMIT, MAX_LIMIT)
        if limit < 0:
            raise InvalidInput("limit", f"expected 1 to {MAX_LIMIT}, or 0 for {DEFAULT_LIMIT}")
        reading = self._log.read(request.model, stream, start, follow=request.follow, limit=limit)
        async with contextlib.aclosing(reading) as batches:
            async for batch in batches:
                events = [
                    pb.LoggedEvent(
                        offset=event.offset,
                        event_id=event.event_id,
                        time_ns=event.time_ns,
                        received_ns=event.received_ns,
                        body=event.body,
                    )
                    for event in batch
                ]
                end = await self._log.end(request.model, stream)
                yield pb.ReadResponse(store_id=self._store_id(), events=events, end=end.get(0, 0))

    async def Trim(self, request: pb.TrimRequest, context: Any) -> pb.TrimResponse:
        stream = self._addressed(request)
        if request.before < 0:
            raise InvalidInput("before", "expected an offset, 0 or more")
        await self._log.trim(request.model, stream, {0: request.before})
        return pb.TrimResponse(store_id=self._store_id())

    async def End(self, request: pb.EndRequest, context: Any) -> pb.EndResponse:
        end = await self._log.end(request.model, self._addressed(request))
        return pb.EndResponse(store_id=self._store_id(), end=end.get(0, 0))

    async def Moment(self, request: pb.MomentRequest, context: Any) -> pb.MomentResponse:
        self._check_model(request.model)
        moment = await self._log.moment(request.model)
        return pb.MomentResponse(
            store_id=self._store_id(),
            clock_ns=moment.clock_ns,
            ends={stream.value: offsets.get(0, 0) for stream, offsets in moment.ends.items()},
        )

    def _addressed(self, request: Any) -> Stream:
        self._check_model(request.model)
        return stream_named(request.stream)
