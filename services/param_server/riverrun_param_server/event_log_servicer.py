"""The event log over gRPC: decode, call, encode."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from riverrun.api.events.v1 import events_pb2 as pb
from riverrun.api.events.v1 import events_pb2_grpc as pb_grpc
from riverrun.core.errors import InvalidInput
from riverrun.core.events import NewEvent, Offsets, Stream
from riverrun.events.protocol import EventLog
from riverrun.rpc.converters import stream_named

DEFAULT_LIMIT = 512
MAX_LIMIT = 10_000


class EventLogServicer(pb_grpc.EventLogServicer):
    """Serves `log`. `check_model` raises `NotFound` for a model that is not registered."""

    def __init__(
        self, log: EventLog, *, store_id: Callable[[], str], check_model: Callable[[str], None]
    ) -> None:
        self._log = log
        self._store_id = store_id
        self._check_model = check_model

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

    def _addressed(self, request: Any) -> Stream:
        self._check_model(request.model)
        return stream_named(request.stream)
