"""Watchers as wire clients: they read when told to, know what they heard, and never reconnect."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc

from riverrun.api.params.v1 import params_pb2 as pb
from riverrun.api.params.v1 import params_pb2_grpc as pb_grpc

_OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]


class WireWatcher:
    """One watch over a connection of its own. `heard` are the generations of ``live``, in order."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.broke = ""
        self.reads = asyncio.Event()
        self.reads.set()

    @contextlib.asynccontextmanager
    async def watching(self, address: str) -> AsyncIterator[WireWatcher]:
        """Watch while the block runs."""
        async with grpc.aio.insecure_channel(address, options=_OWN_CONNECTION) as channel:
            call = pb_grpc.ParameterServiceStub(channel).Watch()
            await call.write(pb.WatchRequest(subscribe=pb.WatchRequest.Subscribe()))
            reading = asyncio.create_task(self._read(call))
            try:
                yield self
            finally:
                call.cancel()
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def _read(self, call: Any) -> None:
        try:
            while True:
                await self.reads.wait()
                message = await call.read()
                if not isinstance(message, pb.WatchResponse):
                    self.broke = "the stream ended"
                    return
                if message.HasField("announcement") and message.announcement.channel == "live":
                    self.heard.append(message.announcement.generation)
        except grpc.RpcError as error:
            self.broke = repr(error)
