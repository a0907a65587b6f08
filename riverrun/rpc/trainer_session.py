"""A trainer's session with the parameter server: its epoch, and the news of the line it learns."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import msgspec

from riverrun.api.params.v1 import params_pb2 as pb
from riverrun.core.errors import Unavailable
from riverrun.core.events import OffsetRange, Positions, Suspect
from riverrun.core.verdicts import Verdict
from riverrun.core.versions import Manifest
from riverrun.rpc.converters import (
    manifest_from_pb,
    positions_from_pb,
    ranges_from_pb,
    ranges_to_pb,
    suspects_from_pb,
)
from riverrun.rpc.params_client import PEER, ParameterClient, translated
from riverrun.rpc.times import unix_ns
from riverrun.rpc.weight_converters import push_to_pb, pushed_from_pb
from riverrun.rpc.weights import Push, Pushed
from riverrun.runtime import tracing


@dataclass(frozen=True, slots=True)
class Opened:
    """What a session starts from. `head` None: nothing was pushed, start from an untrained model.

    Examples whose time is before `since_ns` are not learned.
    """

    store_id: str
    epoch: int
    head: Manifest | None
    spec_yaml: str
    positions: Positions
    skipped: tuple[OffsetRange, ...]
    unclean_end: bool = False
    suspects: tuple[Suspect, ...] = ()
    since_ns: int = 0
    good_version: int = 0


class TrainerSession:
    """An open session. It lives as long as its stream does and `report` is called within the lease."""

    def __init__(self, call: Any, opened: Opened) -> None:
        self._call = call
        self._pushes: dict[str, asyncio.Future[Pushed | None]] = {}
        self._notes: deque[asyncio.Future[None]] = deque()
        self._writing = asyncio.Lock()
        self.opened = opened

    async def report(self, *, examples: int, problem: str = "", evaluation: bytes = b"") -> None:
        """Tell the server that the loop moves; raises `Fenced` or `Unavailable` when the session is over.

        `evaluation` is an encoded `EvaluationReport`, empty where nothing is new.
        """
        progress = pb.OpenSessionRequest.Progress(examples=examples, problem=problem, report=evaluation)
        await self._write(pb.OpenSessionRequest(progress=progress))

    async def push(self, push: Push, deadline_s: float = 10.0) -> Pushed | None:
        """Store a small version, sooner than `ParameterClient.push` does; needs `changed_specs` to be read.

        Returns once it is durable and announced, or None when it was refused: the same push by
        `ParameterClient.push` says why. Raises `Unavailable` when no answer came.
        """
        answer: asyncio.Future[Pushed | None] = asyncio.get_running_loop().create_future()
        self._pushes[push.push_id] = answer
        try:
            async with asyncio.timeout(deadline_s):
                header = push_to_pb(push, inline=True)
                header.trace.update(tracing.here())
                await self._write(pb.OpenSessionRequest(push=header))
                return await answer
        except TimeoutError as error:
            raise Unavailable(PEER, f"no answer to a push within {deadline_s:g} s") from error
        finally:
            del self._pushes[push.push_id]

    async def attempt(self, range_: OffsetRange, deadline_s: float = 10.0) -> None:
        """Say what is about to be learned, and nothing else before the next push; on disk when this returns.

        As `push`, it needs `changed_specs` to be read. Raises `Unavailable` when no answer came.
        """
        await self._note(pb.OpenSessionRequest(attempt=ranges_to_pb([range_])[0]), deadline_s)

    async def goodbye(self, deadline_s: float = 2.0) -> None:
        """Say that the session is about to end by no fault of an event; as `attempt`."""
        await self._note(pb.OpenSessionRequest(goodbye=pb.OpenSessionRequest.Goodbye()), deadline_s)

    async def judge(self, verdict: Verdict, deadline_s: float = 10.0) -> None:
        """Have a verdict of the line's gate applied; as `attempt`. A reset ends the session with `Fenced`."""
        judged = pb.OpenSessionRequest.Judged(
            version=verdict.version,
            passed=verdict.passed,
            hold_version=verdict.hold_version,
            reset_version=verdict.reset_version,
            kind=verdict.kind,
            reason=verdict.reason,
            facts=msgspec.json.encode(verdict.facts) if verdict.facts else b"",
        )
        await self._note(pb.OpenSessionRequest(judged=judged), deadline_s)

    async def changed_specs(self) -> AsyncIterator[str]:
        """Each newer spec of the line, as YAML. Raises `Fenced` or `Unavailable` when the session ends."""
        try:
            with translated():
                # The first message was read one by one, and gRPC allows no iterator after that.
                while isinstance(message := await self._call.read(), pb.OpenSessionResponse):
                    if message.HasField("spec_changed"):
                        yield message.spec_changed.spec_yaml
                    elif message.HasField("pushed"):
                        self._answered(message.pushed)
                    elif message.HasField("noted"):
                        self._noted()
            raise Unavailable(PEER, "the session ended")
        finally:
            ended = Unavailable(PEER, "the session ended")
            for waiting in (self._pushes.values(), self._notes):
                for answer in waiting:
                    if not answer.done():
                        answer.set_exception(ended)

    async def _note(self, request: pb.OpenSessionRequest, deadline_s: float) -> None:
        noted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(deadline_s):
                # In the order of the requests, as the answers come.
                self._notes.append(noted)
                await self._write(request)
                await noted
        except TimeoutError as error:
            raise Unavailable(PEER, f"no answer within {deadline_s:g} s") from error

    def _noted(self) -> None:
        noted = self._notes.popleft()
        if not noted.done():
            noted.set_result(None)

    async def _write(self, request: pb.OpenSessionRequest) -> None:
        with translated():
            try:
                # gRPC breaks a stream that is written to while it is being written to.
                async with self._writing:
                    await self._call.write(request)
            except asyncio.InvalidStateError as error:
                raise Unavailable(PEER, "the session ended") from error

    def _answered(self, message: pb.OpenSessionResponse.Pushed) -> None:
        answer = self._pushes.get(message.push_id)
        if answer is not None and not answer.done():
            answer.set_result(pushed_from_pb(message.answer) if message.HasField("answer") else None)


@contextlib.asynccontextmanager
async def open_session(
    client: ParameterClient, model: str, line: int, trainer_id: str, ended_epoch: int = 0
) -> AsyncIterator[TrainerSession]:
    """Be the trainer of `line` while the block runs; waits, however long, for the present one to lapse.

    `ended_epoch` is that of this process's session before, where that ended by no fault of an event.
    Raises `Fenced` when the line is closed, `NotFound`, `Unavailable`.
    """
    call = client.stub.OpenSession()
    try:
        opening = pb.OpenSessionRequest.Open(
            model=model, line=line, trainer_id=trainer_id, ended_epoch=ended_epoch
        )
        with translated():
            await call.write(pb.OpenSessionRequest(open=opening))
            first = await call.read()
        if not isinstance(first, pb.OpenSessionResponse):
            raise Unavailable(PEER, "the session ended")
        opened = first.opened
        yield TrainerSession(
            call,
            Opened(
                store_id=first.store_id,
                epoch=opened.epoch,
                head=manifest_from_pb(opened.head) if opened.HasField("head") else None,
                spec_yaml=opened.spec_yaml,
                positions=positions_from_pb(opened.positions),
                skipped=ranges_from_pb(opened.skipped),
                unclean_end=opened.unclean_end,
                suspects=suspects_from_pb(opened.suspects),
                since_ns=unix_ns(opened.since),
                good_version=opened.good_version,
            ),
        )
    finally:
        call.cancel()
