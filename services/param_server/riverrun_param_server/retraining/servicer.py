"""RetrainService over gRPC: decode, call, encode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from riverrun.api.retraining.v1 import retraining_pb2 as pb
from riverrun.api.retraining.v1 import retraining_pb2_grpc as pb_grpc
from riverrun.core.errors import InvalidInput
from riverrun.rpc.access.caller import CALLER
from riverrun.rpc.retrain_converters import progress_from_pb, retrain_to_pb
from riverrun.rpc.times import unix_ns
from riverrun_param_server.retraining.decisions import RetrainWish
from riverrun_param_server.retraining.retraining import Retraining

SERVICE = "riverrun.api.retraining.v1.RetrainService"
MAX_REASON = 1024


class RetrainServicer(pb_grpc.RetrainServiceServicer):
    """Serves `retraining`; every answer says which store it is of."""

    def __init__(self, retraining: Retraining, store_id: Callable[[], str]) -> None:
        self._retraining = retraining
        self._store_id = store_id

    async def Start(self, request: pb.StartRequest, context: Any) -> pb.StartResponse:
        wish = RetrainWish(_reason(request.reason), request.automatic, unix_ns(request.since))
        retrain = await self._retraining.start(request.model, wish, CALLER.get())
        return pb.StartResponse(store_id=self._store_id(), retrain=retrain_to_pb(retrain))

    async def List(self, request: pb.ListRequest, context: Any) -> pb.ListResponse:
        retrains = [retrain_to_pb(one) for one in self._retraining.list(request.model)]
        return pb.ListResponse(store_id=self._store_id(), retrains=retrains)

    async def Cancel(self, request: pb.CancelRequest, context: Any) -> pb.CancelResponse:
        retrain = await self._retraining.cancel(request.model, _reason(request.reason), CALLER.get())
        return pb.CancelResponse(store_id=self._store_id(), retrain=retrain_to_pb(retrain))

    async def Report(self, request: pb.ReportRequest, context: Any) -> pb.ReportResponse:
        progress = progress_from_pb(request.progress)
        self._retraining.report(request.model, request.line, request.epoch, progress)
        return pb.ReportResponse(store_id=self._store_id())

    async def Finish(self, request: pb.FinishRequest, context: Any) -> pb.FinishResponse:
        retrain = await self._retraining.finish(
            request.model,
            request.line,
            request.epoch,
            take_over=request.take_over,
            outcome=_reason(request.outcome, "outcome"),
        )
        return pb.FinishResponse(store_id=self._store_id(), retrain=retrain_to_pb(retrain))


def _reason(text: str, field: str = "reason") -> str:
    if len(text) > MAX_REASON:
        raise InvalidInput(field, f"expected at most {MAX_REASON} characters, got {len(text)}")
    return text
