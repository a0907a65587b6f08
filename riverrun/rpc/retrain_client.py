"""Retrains as their callers see them: our types in and out, our errors raised."""

from __future__ import annotations

import datetime

import grpc

from riverrun.api.retraining.v1 import retraining_pb2 as pb
from riverrun.api.retraining.v1 import retraining_pb2_grpc as pb_grpc
from riverrun.core.retraining import Retrain, RetrainProgress
from riverrun.rpc.params_client import translated
from riverrun.rpc.retrain_converters import progress_to_pb, retrain_from_pb


class RetrainClient:
    """Calls of one parameter server over one channel; every call has a deadline.

    Raises what the server raised, `Unavailable` when it cannot be reached in time.
    """

    def __init__(self, channel: grpc.aio.Channel, *, deadline_s: float = 10.0) -> None:
        self._stub = pb_grpc.RetrainServiceStub(channel)
        self._deadline_s = deadline_s

    async def start(
        self,
        model: str,
        reason: str = "",
        *,
        automatic: bool = False,
        since: datetime.datetime | None = None,
    ) -> Retrain:
        """Open a retrain; raises `AlreadyExists` while one is under way.

        With `automatic`, as triggers ask, it raises `Exhausted` within the spec's cool-down or past its
        budget. Examples before `since` are left out.
        """
        request = pb.StartRequest(model=model, reason=reason[:1024], automatic=automatic)
        if since is not None:
            request.since.FromDatetime(since)
        with translated():
            answer = await self._stub.Start(request, timeout=self._deadline_s)
        return retrain_from_pb(answer.retrain)

    async def list(self, model: str) -> list[Retrain]:
        """The retrains of `model`, newest first."""
        with translated():
            answer = await self._stub.List(pb.ListRequest(model=model), timeout=self._deadline_s)
        return [retrain_from_pb(one) for one in answer.retrains]

    async def cancel(self, model: str, reason: str = "") -> Retrain:
        """End the one that is under way; raises `NotFound` where none is."""
        request = pb.CancelRequest(model=model, reason=reason)
        with translated():
            answer = await self._stub.Cancel(request, timeout=self._deadline_s)
        return retrain_from_pb(answer.retrain)

    async def report(self, model: str, line: int, epoch: int, progress: RetrainProgress) -> None:
        """Say how far it is; raises `Fenced` once it is over."""
        request = pb.ReportRequest(model=model, line=line, epoch=epoch, progress=progress_to_pb(progress))
        with translated():
            await self._stub.Report(request, timeout=self._deadline_s)

    async def finish(self, model: str, line: int, epoch: int, *, take_over: bool, outcome: str) -> Retrain:
        """Let it take over, or give it up. Raises `NotReady` while live is held, `Fenced`."""
        request = pb.FinishRequest(
            model=model, line=line, epoch=epoch, take_over=take_over, outcome=outcome[:1024]
        )
        with translated():
            answer = await self._stub.Finish(request, timeout=self._deadline_s)
        return retrain_from_pb(answer.retrain)
