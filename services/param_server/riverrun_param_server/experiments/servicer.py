"""ExperimentService over gRPC: decode, call, encode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import grpc

from riverrun.api.experiments.v1 import experiments_pb2 as pb
from riverrun.api.experiments.v1 import experiments_pb2_grpc as pb_grpc
from riverrun.core.errors import ReadOnly
from riverrun.rpc.access.caller import CALLER
from riverrun.rpc.experiment_converters import experiment_from_pb, experiment_to_pb
from riverrun_param_server.channel_records import By
from riverrun_param_server.experiments.experiments import Experiments

SERVICE = "riverrun.api.experiments.v1.ExperimentService"
MAX_REASON = 1024


class ExperimentServicer(pb_grpc.ExperimentServiceServicer):
    """Serves `experiments`."""

    def __init__(self, experiments: Experiments, store_id: Callable[[], str]) -> None:
        self._experiments = experiments
        self._store_id = store_id

    async def Start(self, request: pb.StartRequest, context: Any) -> pb.StartResponse:
        plan = experiment_from_pb(request.experiment)
        started = await self._experiments.start(request.model, plan, _by(request))
        return pb.StartResponse(store_id=self._store_id(), experiment=experiment_to_pb(started))

    async def Get(self, request: pb.GetRequest, context: Any) -> pb.GetResponse:
        found = self._experiments.get(request.model, request.name)
        return pb.GetResponse(store_id=self._store_id(), experiment=experiment_to_pb(found))

    async def List(self, request: pb.ListRequest, context: Any) -> pb.ListResponse:
        found = self._experiments.list(request.model)
        return pb.ListResponse(store_id=self._store_id(), experiments=map(experiment_to_pb, found))

    async def Stop(self, request: pb.StopRequest, context: Any) -> pb.StopResponse:
        ended = await self._experiments.stop(request.model, request.name, _by(request))
        return pb.StopResponse(store_id=self._store_id(), experiment=experiment_to_pb(ended))

    async def StopArm(self, request: pb.StopArmRequest, context: Any) -> pb.StopArmResponse:
        by = _by(request, "trainer" if request.by_guardrail else "")
        changed = await self._experiments.stop_arm(request.model, request.name, request.arm, by)
        return pb.StopArmResponse(store_id=self._store_id(), experiment=experiment_to_pb(changed))

    async def Promote(self, request: pb.PromoteRequest, context: Any) -> pb.PromoteResponse:
        ended = await self._experiments.promote(request.model, request.name, request.arm, _by(request))
        return pb.PromoteResponse(store_id=self._store_id(), experiment=experiment_to_pb(ended))


def _by(request: Any, actor: str = "") -> By:
    return By(CALLER.get() or actor, request.reason[:MAX_REASON])


class ReplicaExperiments(pb_grpc.ExperimentServiceServicer):
    """Of a read replica: it names its leader, which keeps the experiments."""

    def __init__(self, leader: str) -> None:
        self._leader = leader

    async def _refuse(self, request: Any, context: Any) -> NoReturn:
        raise ReadOnly(self._leader)

    Start = Get = List = Stop = StopArm = Promote = _refuse


def add_experiment_service(servicer: pb_grpc.ExperimentServiceServicer, server: grpc.aio.Server) -> str:
    """Serve `servicer` on `server`; the service's full name."""
    pb_grpc.add_ExperimentServiceServicer_to_server(servicer, server)
    return SERVICE
