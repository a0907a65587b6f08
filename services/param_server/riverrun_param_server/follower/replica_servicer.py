"""ParameterService of a read replica: reads are answered, or asked of the leader; writes are refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any, NoReturn

from riverrun.api.params.v1 import params_pb2 as pb
from riverrun.api.params.v1 import params_pb2_grpc as pb_grpc
from riverrun.core.errors import ReadOnly
from riverrun.rpc.converters import model_to_pb, reader_to_pb
from riverrun.rpc.params_client import ParameterClient, translated
from riverrun_param_server import requests
from riverrun_param_server.follower.followed import Followed
from riverrun_param_server.follower.replica_pulls import ReplicaPulls
from riverrun_param_server.param_server import Held
from riverrun_param_server.read_streams import pull_messages, watch_messages
from riverrun_param_server.readers import Readers
from riverrun_param_server.watch_hub import Subscription, Watcher, WatchHub

LEADER_S = 10.0
"""Deadline of what is asked of the leader; a pull of a whole version gets six times that."""


class ReplicaServicer(pb_grpc.ParameterServiceServicer):
    """Serves what `followed` holds, and names `leader` to whoever wants more."""

    def __init__(
        self,
        followed: Followed,
        pulls: ReplicaPulls,
        hub: WatchHub,
        readers: Readers,
        client: ParameterClient,
        leader: str,
    ) -> None:
        self._followed = followed
        self._pulls = pulls
        self._hub = hub
        self._readers = readers
        self._client = client
        self._leader = leader

    async def ListModels(self, request: pb.ListModelsRequest, context: Any) -> pb.ListModelsResponse:
        models = [model_to_pb(model.info()) for model in self._followed.models()]
        return pb.ListModelsResponse(store_id=self._followed.store_id, models=models)

    async def ListReaders(self, request: pb.ListReadersRequest, context: Any) -> pb.ListReadersResponse:
        readers = [reader_to_pb(reader) for reader in self._readers.list(request.model)]
        return pb.ListReadersResponse(store_id=self._followed.store_id, readers=readers)

    async def ListVersions(self, request: pb.ListVersionsRequest, context: Any) -> pb.ListVersionsResponse:
        with translated(f"the leader at {self._leader}"):
            answer: pb.ListVersionsResponse = await self._client.stub.ListVersions(request, timeout=LEADER_S)
        return answer

    async def GetVersion(self, request: pb.GetVersionRequest, context: Any) -> pb.GetVersionResponse:
        with translated(f"the leader at {self._leader}"):
            answer: pb.GetVersionResponse = await self._client.stub.GetVersion(request, timeout=LEADER_S)
        return answer

    async def GetEvaluation(self, request: pb.GetEvaluationRequest, context: Any) -> pb.GetEvaluationResponse:
        with translated(f"the leader at {self._leader}"):
            answer: pb.GetEvaluationResponse = await self._client.stub.GetEvaluation(
                request, timeout=LEADER_S
            )
        return answer

    async def ListRecords(self, request: pb.ListRecordsRequest, context: Any) -> pb.ListRecordsResponse:
        with translated(f"the leader at {self._leader}"):
            answer: pb.ListRecordsResponse = await self._client.stub.ListRecords(request, timeout=LEADER_S)
        return answer

    async def Pull(self, request: pb.PullRequest, context: Any) -> AsyncIterator[pb.PullResponse]:
        wanted = requests.pull_wanted(request)
        if wanted.trainer_state:
            # No trainer's state is ever here, and trainers dial the leader.
            raise ReadOnly(self._leader)
        if request.have_store_id != self._followed.store_id:
            wanted = replace(wanted, have=0)
        if self._pulls.holds(wanted):
            for message in pull_messages(self._followed.store_id, await self._pulls.pull(wanted)):
                yield message
            return
        with translated(f"the leader at {self._leader}"):
            async for part in self._client.stub.Pull(request, timeout=6 * LEADER_S):
                yield part

    def Watch(self, requests_in: AsyncIterator[pb.WatchRequest], context: Any) -> AsyncIterator[bytes]:
        """Gives serialised responses: see `add_parameter_service`."""
        return watch_messages(requests_in, self._join, self._hub, self._readers)

    async def RegisterModel(self, request: pb.RegisterModelRequest, context: Any) -> NoReturn:
        raise ReadOnly(self._leader)

    async def DeleteModel(self, request: pb.DeleteModelRequest, context: Any) -> NoReturn:
        raise ReadOnly(self._leader)

    async def Push(self, requests_in: AsyncIterator[pb.PushRequest], context: Any) -> NoReturn:
        raise ReadOnly(self._leader)

    async def SetChannel(self, request: pb.SetChannelRequest, context: Any) -> NoReturn:
        raise ReadOnly(self._leader)

    async def Reset(self, request: pb.ResetRequest, context: Any) -> NoReturn:
        raise ReadOnly(self._leader)

    def OpenSession(
        self, requests_in: AsyncIterator[pb.OpenSessionRequest], context: Any
    ) -> AsyncIterator[Any]:
        return self._refused()

    def Backup(self, request: pb.BackupRequest, context: Any) -> AsyncIterator[Any]:
        return self._refused()

    async def _refused(self) -> AsyncIterator[Any]:
        raise ReadOnly(self._leader)
        yield

    def _join(self, subscription: Subscription, store_id: str, held: Iterable[Held]) -> Watcher:
        if store_id == self._followed.store_id:
            have = {(one.model, one.channel): one.version for one in held}
            subscription = replace(subscription, have=have)
        return self._hub.join(subscription)
