"""The embedded event log over gRPC, behind the `EventLog` Protocol."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import grpc

from riverrun.api.events.v1 import events_pb2 as pb
from riverrun.api.events.v1 import events_pb2_grpc as pb_grpc
from riverrun.core.errors import Unavailable
from riverrun.core.events import Appended, LoggedEvent, LogMoment, NewEvent, Offsets, Stream
from riverrun.rpc.converters import stream_named
from riverrun.rpc.params_client import calling, translated

PEER = "the event log"

OLDEST = -1
"""The start of a read from the oldest event kept."""


class RemoteEventLog:
    """An `EventLog` in the parameter server's pod; partition 0 is the only one."""

    def __init__(self, channel: grpc.aio.Channel, *, deadline_s: float = 5.0) -> None:
        self._stub = pb_grpc.EventLogStub(channel)
        self._deadline_s = deadline_s

    async def append(self, model: str, stream: Stream, events: Sequence[NewEvent]) -> list[Appended]:
        """See `EventLog.append`."""
        request = append_request(model, stream, events)
        with calling("Append", PEER) as metadata:
            answer = await self._stub.Append(request, timeout=self._deadline_s, metadata=metadata)
        return appended_from(answer)

    async def read(
        self, model: str, stream: Stream, start: Offsets, *, follow: bool, limit: int = 512
    ) -> AsyncGenerator[Sequence[LoggedEvent], None]:
        """See `EventLog.read`."""
        request = pb.ReadRequest(
            model=model, stream=stream.value, start=start.get(0, OLDEST), follow=follow, limit=limit
        )
        with translated(PEER):
            call = self._stub.Read(request, timeout=None if follow else 12 * self._deadline_s)
            try:
                async for response in call:
                    if response.events:
                        yield [
                            LoggedEvent(e.offset, e.event_id, e.time_ns, e.received_ns, e.body)
                            for e in response.events
                        ]
            finally:
                call.cancel()
        if follow:
            raise Unavailable(PEER, "the read ended")

    async def trim(self, model: str, stream: Stream, before: Offsets) -> None:
        """See `EventLog.trim`."""
        request = pb.TrimRequest(model=model, stream=stream.value, before=before.get(0, 0))
        with calling("Trim", PEER) as metadata:
            await self._stub.Trim(request, timeout=self._deadline_s, metadata=metadata)

    async def end(self, model: str, stream: Stream) -> Offsets:
        """See `EventLog.end`."""
        request = pb.EndRequest(model=model, stream=stream.value)
        with calling("End", PEER) as metadata:
            answer = await self._stub.End(request, timeout=self._deadline_s, metadata=metadata)
        return {0: answer.end}

    async def moment(self, model: str) -> LogMoment:
        """See `EventLog.moment`."""
        with calling("Moment", PEER) as metadata:
            answer = await self._stub.Moment(
                pb.MomentRequest(model=model), timeout=self._deadline_s, metadata=metadata
            )
        return LogMoment(answer.clock_ns, {stream_named(name): {0: end} for name, end in answer.ends.items()})


def append_request(model: str, stream: Stream, events: Sequence[NewEvent]) -> pb.AppendRequest:
    """The request that appends `events`."""
    return pb.AppendRequest(
        model=model,
        stream=stream.value,
        events=[
            pb.NewEvent(
                event_id=event.event_id,
                body=event.body,
                time_ns=event.time_ns or 0,  # the epoch itself cannot be said; it is receipt then
                fingerprint=event.fingerprint,
            )
            for event in events
        ],
    )


def appended_from(answer: pb.AppendResponse) -> list[Appended]:
    """What became of each event of a request."""
    return [Appended(a.offset, a.duplicate, a.refused) for a in answer.appended]
