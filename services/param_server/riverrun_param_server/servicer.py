"""ParameterService over gRPC: decode, call, encode."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc

from riverrun.api.params.v1 import params_pb2 as pb
from riverrun.api.params.v1 import params_pb2_grpc as pb_grpc
from riverrun.core.errors import RiverrunError
from riverrun.rpc.access.caller import CALLER
from riverrun.rpc.converters import (
    channel_to_pb,
    kept_to_pb,
    line_to_pb,
    manifest_to_pb,
    model_to_pb,
    positions_to_pb,
    ranges_to_pb,
    reader_to_pb,
    record_to_pb,
    suspects_to_pb,
)
from riverrun.rpc.times import timestamp
from riverrun.rpc.weight_converters import push_from_pb, pushed_to_pb
from riverrun.rpc.weights import Pushed
from riverrun.runtime import tracing
from riverrun_param_server import requests
from riverrun_param_server.backups import Backups, Done, FileBegins, FileEnds, Part
from riverrun_param_server.channel_records import By
from riverrun_param_server.param_server import ParamServer
from riverrun_param_server.read_streams import pull_messages, watch_messages
from riverrun_param_server.session import News, Noted, Opening, PushOutcome, Session

SERVICE = "riverrun.api.params.v1.ParameterService"


class ParameterServicer(pb_grpc.ParameterServiceServicer):
    """Serves `server`, and copies of all that it keeps from `backups`."""

    def __init__(self, server: ParamServer, backups: Backups) -> None:
        self._server = server
        self._backups = backups

    async def RegisterModel(self, request: pb.RegisterModelRequest, context: Any) -> pb.RegisterModelResponse:
        model, opened = await self._server.registry.register(
            request.spec_yaml, request.base_spec_revision, actor=CALLER.get()
        )
        return pb.RegisterModelResponse(
            store_id=self._server.store_id, model=model_to_pb(model), opened_line=opened
        )

    async def DeleteModel(self, request: pb.DeleteModelRequest, context: Any) -> pb.DeleteModelResponse:
        await self._server.registry.delete(request.model, actor=CALLER.get())
        return pb.DeleteModelResponse(store_id=self._server.store_id)

    async def ListModels(self, request: pb.ListModelsRequest, context: Any) -> pb.ListModelsResponse:
        models = [model_to_pb(model.info()) for model in self._server.catalogue.models()]
        return pb.ListModelsResponse(store_id=self._server.store_id, models=models)

    async def OpenSession(
        self, requests_in: AsyncIterator[pb.OpenSessionRequest], context: Any
    ) -> AsyncIterator[pb.OpenSessionResponse]:
        wanted = requests.opening(await requests.first(requests_in))
        session, opening = await self._server.sessions.open(
            wanted.model, wanted.line, wanted.trainer_id, wanted.ended_epoch
        )
        reports = asyncio.create_task(self._take_progress(session, requests_in))
        try:
            yield self._opened(opening)
            async for news in session.news():
                yield self._told(news)
        finally:
            reports.cancel()
            self._server.sessions.close(session)

    async def Push(self, requests_in: AsyncIterator[pb.PushRequest], context: Any) -> pb.PushResponse:
        header = requests.push_header(await requests.first(requests_in))
        push = push_from_pb(header)
        self._server.pushes.admit(push, header.serving_bytes + header.trainer_bytes)
        push = await requests.with_body(push, header, requests_in)
        return pushed_to_pb(await self._server.pushes.push(push))

    async def Pull(self, request: pb.PullRequest, context: Any) -> AsyncIterator[pb.PullResponse]:
        wanted = self._server.pull_wanted(requests.pull_wanted(request), request.have_store_id)
        for message in pull_messages(self._server.store_id, await self._server.pulls.pull(wanted)):
            yield message

    def Watch(self, requests_in: AsyncIterator[pb.WatchRequest], context: Any) -> AsyncIterator[bytes]:
        """Gives serialised responses: see `add_parameter_service`."""
        return watch_messages(requests_in, self._server.watch, self._server.hub, self._server.readers)

    async def SetChannel(self, request: pb.SetChannelRequest, context: Any) -> pb.SetChannelResponse:
        channel, previous = await self._server.steering.set_channel(
            request.model,
            request.channel,
            requests.channel_wish(request),
            base_generation=request.base_generation,
            mark_good=request.mark_good,
            by=By(CALLER.get(), request.reason),
        )
        return pb.SetChannelResponse(
            store_id=self._server.store_id, channel=channel_to_pb(channel), previous=channel_to_pb(previous)
        )

    async def Reset(self, request: pb.ResetRequest, context: Any) -> pb.ResetResponse:
        line, closed = await self._server.steering.reset(
            request.model,
            request.to_version,
            replay=requests.is_replay(request),
            by=By(CALLER.get(), request.reason),
        )
        return pb.ResetResponse(store_id=self._server.store_id, line=line_to_pb(line), closed_line=closed)

    async def ListVersions(self, request: pb.ListVersionsRequest, context: Any) -> pb.ListVersionsResponse:
        listed = await self._server.keeping.listed(
            request.model, requests.page_size(request), request.before_version
        )
        return pb.ListVersionsResponse(
            store_id=self._server.store_id,
            versions=[manifest_to_pb(version.manifest) for version in listed],
            kept=[kept_to_pb(version) for version in listed],
        )

    async def GetVersion(self, request: pb.GetVersionRequest, context: Any) -> pb.GetVersionResponse:
        model = self._server.catalogue.get(request.model)
        manifest = await self._server.catalogue.manifest(model, request.version)
        return pb.GetVersionResponse(store_id=self._server.store_id, manifest=manifest_to_pb(manifest))

    async def ListReaders(self, request: pb.ListReadersRequest, context: Any) -> pb.ListReadersResponse:
        if request.model:
            self._server.catalogue.check(request.model)
        readers = [reader_to_pb(reader) for reader in self._server.readers.list(request.model)]
        return pb.ListReadersResponse(store_id=self._server.store_id, readers=readers)

    async def GetEvaluation(self, request: pb.GetEvaluationRequest, context: Any) -> pb.GetEvaluationResponse:
        found = await self._server.evaluations.newest(request.model, request.line)
        return pb.GetEvaluationResponse(
            store_id=self._server.store_id,
            line=found.line,
            report=found.body,
            report_time=timestamp(found.time_ns),
        )

    async def ListRecords(self, request: pb.ListRecordsRequest, context: Any) -> pb.ListRecordsResponse:
        found = await self._server.keeping.records(request.model, requests.page_size(request), request.before)
        return pb.ListRecordsResponse(
            store_id=self._server.store_id, records=[record_to_pb(record) for record in found]
        )

    async def Backup(self, request: pb.BackupRequest, context: Any) -> AsyncIterator[pb.BackupResponse]:
        async with contextlib.aclosing(self._backups.parts()) as parts:
            async for part in parts:
                response = backup_part(part)
                response.store_id = self._server.store_id
                yield response

    async def _take_progress(
        self, session: Session, requests_in: AsyncIterator[pb.OpenSessionRequest]
    ) -> None:
        async for request in requests_in:
            if request.HasField("progress"):
                self._server.sessions.progress(session, request.progress.problem[:1024])
                if request.progress.report:
                    await self._take_report(session, request.progress.report)
            elif request.HasField("push"):
                session.tell_outcome(request.push.push_id, await self._push_inline(session, request.push))
            else:
                # Where it cannot be noted the trainer hears nothing, and gives this session up.
                with contextlib.suppress(RiverrunError):
                    await self._note(session, request)
        # The trainer says no more: it has gone, or is about to.
        self._server.sessions.close(session)

    async def _take_report(self, session: Session, body: bytes) -> None:
        report = self._server.evaluations.report(*session.key, body)
        if report is not None:
            # What could not be recorded now is told again.
            with contextlib.suppress(RiverrunError):
                await self._server.drift_records.take(*session.key, report)

    async def _note(self, session: Session, request: pb.OpenSessionRequest) -> None:
        if request.HasField("attempt"):
            await self._server.sessions.attempt(session, requests.attempt(request))
        elif request.HasField("goodbye"):
            await self._server.sessions.say_goodbye(session)
        elif request.HasField("judged"):
            await self._server.verdicts.judged(session, requests.verdict(request.judged))

    async def _push_inline(self, session: Session, header: pb.PushHeader) -> Pushed | None:
        """The answer to a push over the session's stream; None where `Push` would raise."""
        try:
            push = requests.inline_push(header, session.key)
            self._server.pushes.admit(push, header.serving_bytes + header.trainer_bytes)
            with tracing.continued("Push", "server", {tracing.MODEL: push.model}, header.trace):
                return await self._server.pushes.push(push)
        except RiverrunError:
            return None

    def _told(self, news: News) -> pb.OpenSessionResponse:
        told = pb.OpenSessionResponse(store_id=self._server.store_id)
        match news:
            case Noted():
                told.noted.SetInParent()
            case PushOutcome(push_id, answer):
                told.pushed.push_id = push_id
                if answer is not None:
                    told.pushed.answer.CopyFrom(pushed_to_pb(answer))
            case spec_yaml:
                told.spec_changed.spec_yaml = spec_yaml
        return told

    def _opened(self, opening: Opening) -> pb.OpenSessionResponse:
        return pb.OpenSessionResponse(
            store_id=self._server.store_id,
            opened=pb.OpenSessionResponse.Opened(
                epoch=opening.epoch,
                head=None if opening.head is None else manifest_to_pb(opening.head),
                spec_yaml=opening.spec_yaml,
                positions=positions_to_pb(opening.positions),
                skipped=ranges_to_pb(opening.skipped),
                unclean_end=opening.unclean_end,
                suspects=suspects_to_pb(opening.suspects),
                since=timestamp(opening.since_ns),
                good_version=opening.good_version,
            ),
        )


def backup_part(part: Part) -> pb.BackupResponse:
    """`part` as a message, the store's id left out."""
    match part:
        case FileBegins(path, size):
            return pb.BackupResponse(file=pb.BackupResponse.File(path=path, size=size))
        case FileEnds(sha):
            return pb.BackupResponse(sha256=sha)
        case Done(files, size):
            return pb.BackupResponse(done=pb.BackupResponse.Done(files=files, bytes=size))
        case _:
            return pb.BackupResponse(chunk=part)


def add_parameter_service(servicer: pb_grpc.ParameterServiceServicer, server: grpc.aio.Server) -> str:
    """Serve `servicer` on `server`; the service's full name.

    `Watch` gives bytes: a version is serialised once, however many watch.
    """
    pb_grpc.add_ParameterServiceServicer_to_server(servicer, server)
    watch = grpc.stream_stream_rpc_method_handler(
        servicer.Watch,
        request_deserializer=pb.WatchRequest.FromString,
        response_serializer=lambda message: message,
    )
    server.add_registered_method_handlers(SERVICE, {"Watch": watch})
    return SERVICE
