"""Appends to the embedded event log over one stream: in order, and without waiting for each other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

import grpc

from riverrun.api.events.v1 import events_pb2 as pb
from riverrun.api.events.v1 import events_pb2_grpc as pb_grpc
from riverrun.core.errors import RiverrunError, Unavailable
from riverrun.core.events import Appended, NewEvent, Stream
from riverrun.rpc.event_log import PEER, RemoteEventLog, append_request, appended_from
from riverrun.rpc.params_client import translated
from riverrun.runtime import tracing


class AppendStream:
    """`EventLog.append`, sooner than by a call for each.

    The stream is opened by the first append and again by the next one after it broke; what was on its way
    then raises `Unavailable`. Use as an async context manager: leaving it ends the stream.
    """

    def __init__(self, channel: grpc.aio.Channel, *, deadline_s: float = 5.0) -> None:
        self._stub = pb_grpc.EventLogStub(channel)
        self._calls = RemoteEventLog(channel, deadline_s=deadline_s)
        self._deadline_s = deadline_s
        self._writing = asyncio.Lock()
        self._link: _Link | None = None

    async def __aenter__(self) -> AppendStream:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._link is not None:
            self._link.close()

    async def append(self, model: str, stream: Stream, events: Sequence[NewEvent]) -> list[Appended]:
        """See `EventLog.append`."""
        request = append_request(model, stream, events)
        request.trace.update(tracing.here())
        answer = await self._exchange(request)
        if answer.HasField("answer"):
            return appended_from(answer.answer)
        # Nothing was appended, and the call says why.
        return await self._calls.append(model, stream, events)

    async def _exchange(self, request: pb.AppendRequest) -> pb.AppendStreamResponse:
        link = None
        try:
            async with asyncio.timeout(self._deadline_s):
                async with self._writing:
                    if self._link is None or self._link.is_closed:
                        self._link = _Link(self._stub.AppendStream())
                    link = self._link
                    answer = await link.send(request)
                return await answer
        except TimeoutError as error:
            if link is not None:
                link.close()
            raise Unavailable(PEER, f"no answer within {self._deadline_s:g} s") from error


class _Link:
    """One stream, from its opening to its end."""

    def __init__(self, call: Any) -> None:
        self._call = call
        self._waiting: deque[asyncio.Future[pb.AppendStreamResponse]] = deque()
        self._reader = asyncio.create_task(self._read(), name="answers to appends")
        self.is_closed = False
        """Whether nothing can be sent any more."""

    async def send(self, request: pb.AppendRequest) -> asyncio.Future[pb.AppendStreamResponse]:
        """Send a request; gives its answer to come. One call at a time."""
        answer: asyncio.Future[pb.AppendStreamResponse] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        try:
            with translated(PEER):
                await self._call.write(request)
        except (RiverrunError, asyncio.InvalidStateError):
            # The reading side sees the same break, and says so to all who wait.
            pass
        return answer

    def close(self) -> None:
        """End the stream; whoever waits hears that it ended. Repeating it changes nothing."""
        self.is_closed = True
        self._reader.cancel()

    async def _read(self) -> None:
        why = Unavailable(PEER, "the stream ended")
        try:
            with translated(PEER):
                # Not `async for`: a stream that is written to one by one is read one by one.
                while isinstance(message := await self._call.read(), pb.AppendStreamResponse):
                    answer = self._waiting.popleft()
                    if not answer.done():
                        answer.set_result(message)
        except RiverrunError as error:
            why = error if isinstance(error, Unavailable) else Unavailable(PEER, str(error))
        finally:
            self.is_closed = True
            self._call.cancel()
            for answer in self._waiting:
                if not answer.done():
                    answer.set_exception(why)
