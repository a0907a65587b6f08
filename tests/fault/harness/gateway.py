"""A gateway between a trainer and the parameter server that knows calls apart, and loses answers to pushes.

All calls pass as they are, bytes for bytes, but for what it is told to lose.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from typing import Any, Literal

import grpc

from riverrun.api.params.v1 import params_pb2 as pb

SERVICE = "/riverrun.api.params.v1.ParameterService/"


class Gateway(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types
    """Passes calls on over `channel`. The first answer to each push is lost, as `losing` says.

    "session": those that come over a session's stream, and the stream breaks with them. "call": those of
    the call `Push`, which ends as unavailable; what goes over a session's stream is turned away at once,
    which sends a trainer to that call. `lost` counts them.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self.losing: Literal["", "session", "call"] = ""
        self.lost = Counter[str]()
        self._known: set[str] = set()
        self.address = ""

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[Gateway]:
        """It takes calls while the block runs."""
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((self,))
        self.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        try:
            yield self
        finally:
            await server.stop(0)

    def service(self, handler_call_details: Any) -> Any:
        """How a call is handled: each as a stream of messages both ways, which the others are as well."""
        method = handler_call_details.method
        handlers = {SERVICE + "OpenSession": self._session, SERVICE + "Push": self._push}
        return grpc.stream_stream_rpc_method_handler(handlers.get(method, partial(self._pass, method)))

    async def _pass(self, method: str, asked: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        call = self._channel.stream_stream(method)(asked)
        try:
            async for answer in call:
                yield answer
        except grpc.aio.AioRpcError as error:
            context.set_trailing_metadata(error.trailing_metadata())
            await context.abort(error.code(), error.details() or "")
        finally:
            call.cancel()

    async def _push(self, asked: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        ids: list[str] = []

        async def noting() -> AsyncIterator[bytes]:
            async for message in asked:
                header = pb.PushRequest.FromString(message).header
                ids.extend([header.push_id] if header.push_id else [])
                yield message

        async for answer in self._pass(SERVICE + "Push", noting(), context):
            if self.losing == "call" and self._is_first(ids[0]):
                self.lost["call"] += 1
                await context.abort(grpc.StatusCode.UNAVAILABLE, "the answer was lost")
            yield answer

    async def _session(self, asked: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        answers: asyncio.Queue[bytes | None] = asyncio.Queue()

        async def turning_away() -> AsyncIterator[bytes]:
            async for message in asked:
                request = pb.OpenSessionRequest.FromString(message)
                if request.HasField("push") and self.losing == "call":
                    turned = pb.OpenSessionResponse.Pushed(push_id=request.push.push_id)
                    answers.put_nowait(pb.OpenSessionResponse(pushed=turned).SerializeToString())
                else:
                    yield message

        async def passing() -> None:
            try:
                async for answer in self._pass(SERVICE + "OpenSession", turning_away(), context):
                    answers.put_nowait(answer)
            finally:
                answers.put_nowait(None)

        task = asyncio.create_task(passing())
        try:
            while (answer := await answers.get()) is not None:
                pushed = pb.OpenSessionResponse.FromString(answer).pushed
                if self.losing == "session" and pushed.HasField("answer") and self._is_first(pushed.push_id):
                    self.lost["session"] += 1
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "the answer was lost")
                yield answer
            await task
        finally:
            task.cancel()

    def _is_first(self, push_id: str) -> bool:
        known = push_id in self._known
        self._known.add(push_id)
        return not known
