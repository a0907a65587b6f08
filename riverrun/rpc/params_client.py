"""The parameter server as its callers see it: our types in and out, our errors raised."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import AsyncIterator, Iterator

import grpc

from riverrun.api.params.v1 import params_pb2 as pb
from riverrun.api.params.v1 import params_pb2_grpc as pb_grpc
from riverrun.core.errors import Unavailable
from riverrun.core.evaluation_report import EvaluationReport, decode_report
from riverrun.core.journal import JournalRecord
from riverrun.core.versions import Channel, KeptVersion, Line, Manifest, ModelInfo, ReaderInfo
from riverrun.rpc.chunks import CHUNK_BYTES, Joiner, split
from riverrun.rpc.converters import (
    channel_from_pb,
    kept_from_pb,
    line_from_pb,
    manifest_from_pb,
    model_from_pb,
    reader_from_pb,
    record_from_pb,
)
from riverrun.rpc.errors import from_rpc_error
from riverrun.rpc.weight_converters import pulled_from_pb, push_to_pb, pushed_from_pb
from riverrun.rpc.weights import Pulled, Push, Pushed
from riverrun.runtime import tracing

PEER = "the parameter server"

Metadata = tuple[tuple[str, str], ...] | None
"""Of a call, beside what channels add themselves."""


class ParameterClient:
    """Calls of one parameter server over one channel; every call has a deadline.

    Raises what the server raised, `Unavailable` when it cannot be reached in time.
    """

    def __init__(self, channel: grpc.aio.Channel, *, deadline_s: float = 10.0) -> None:
        self.stub = pb_grpc.ParameterServiceStub(channel)
        self._deadline_s = deadline_s

    async def register_model(self, spec_yaml: str, base_spec_revision: int = 0) -> tuple[ModelInfo, bool]:
        """The model as registered, and whether this opened a line."""
        request = pb.RegisterModelRequest(spec_yaml=spec_yaml, base_spec_revision=base_spec_revision)
        with calling("RegisterModel") as metadata:
            answer = await self.stub.RegisterModel(request, timeout=self._deadline_s, metadata=metadata)
        return model_from_pb(answer.model), answer.opened_line

    async def delete_model(self, model: str) -> None:
        """Mark `model` deleted."""
        request = pb.DeleteModelRequest(model=model)
        with calling("DeleteModel") as metadata:
            await self.stub.DeleteModel(request, timeout=self._deadline_s, metadata=metadata)

    async def list_models(self) -> list[ModelInfo]:
        """All models, by name."""
        with calling("ListModels") as metadata:
            answer = await self.stub.ListModels(
                pb.ListModelsRequest(), timeout=self._deadline_s, metadata=metadata
            )
        return [model_from_pb(model) for model in answer.models]

    async def list_versions(self, model: str, *, limit: int = 100, before: int = 0) -> list[Manifest]:
        """Versions of `model`, newest first."""
        kept = await self.list_kept_versions(model, limit=limit, before=before)
        return [version.manifest for version in kept]

    async def list_kept_versions(self, model: str, *, limit: int = 100, before: int = 0) -> list[KeptVersion]:
        """Versions of `model`, newest first, with what is kept of each and why."""
        request = pb.ListVersionsRequest(model=model, page_size=limit, before_version=before)
        with calling("ListVersions") as metadata:
            answer = await self.stub.ListVersions(request, timeout=self._deadline_s, metadata=metadata)
        return kept_from_pb(answer)

    async def get_version(self, model: str, version: int) -> Manifest:
        """The manifest of one version."""
        request = pb.GetVersionRequest(model=model, version=version)
        with calling("GetVersion") as metadata:
            answer = await self.stub.GetVersion(request, timeout=self._deadline_s, metadata=metadata)
        return manifest_from_pb(answer.manifest)

    async def list_readers(self, model: str = "") -> list[ReaderInfo]:
        """What each connected reader reported last, of `model` or of all."""
        with calling("ListReaders") as metadata:
            answer = await self.stub.ListReaders(
                pb.ListReadersRequest(model=model), timeout=self._deadline_s, metadata=metadata
            )
        return [reader_from_pb(reader) for reader in answer.readers]

    async def get_evaluation(self, model: str, line: int = 0) -> EvaluationReport:
        """What the trainer of `line` reported last, by default of the line that is live.

        Raises `NotReady` where nothing was reported yet.
        """
        request = pb.GetEvaluationRequest(model=model, line=line)
        with calling("GetEvaluation") as metadata:
            answer = await self.stub.GetEvaluation(request, timeout=self._deadline_s, metadata=metadata)
        return decode_report(answer.report)

    async def list_records(self, model: str, *, limit: int = 100, before: int = 0) -> list[JournalRecord]:
        """What moved of `model` and why, newest first."""
        request = pb.ListRecordsRequest(model=model, page_size=limit, before=before)
        with calling("ListRecords") as metadata:
            answer = await self.stub.ListRecords(request, timeout=self._deadline_s, metadata=metadata)
        return [record_from_pb(record) for record in answer.records]

    async def set_channel(
        self,
        model: str,
        channel: str,
        *,
        hold_version: int | None = None,
        hold_last_good: bool = False,
        hold_before: datetime.datetime | None = None,
        hold_here: bool = False,
        follow: bool = False,
        follow_line: int | None = None,
        remove: bool = False,
        mark_good: bool = False,
        base_generation: int = 0,
        reason: str = "",
    ) -> tuple[Channel, Channel]:
        """Move a channel by exactly one of the targets; where it is now and where it was."""
        request = pb.SetChannelRequest(
            model=model,
            channel=channel,
            base_generation=base_generation,
            mark_good=mark_good,
            reason=reason,
        )
        if hold_version is not None:
            request.hold_version = hold_version
        elif hold_last_good:
            request.hold_last_good = True
        elif hold_before is not None:
            request.hold_before.FromDatetime(hold_before)
        elif hold_here:
            request.hold_here = True
        elif follow:
            request.follow = True
        elif follow_line is not None:
            request.follow_line = follow_line
        elif remove:
            request.remove = True
        with calling("SetChannel") as metadata:
            answer = await self.stub.SetChannel(request, timeout=self._deadline_s, metadata=metadata)
        return channel_from_pb(answer.channel), channel_from_pb(answer.previous)

    async def reset(self, model: str, to_version: int, *, replay: bool, reason: str = "") -> Line:
        """Go on learning from `to_version` in a new line; the examples since are skipped, or replayed."""
        choice = pb.ResetRequest.EXAMPLES_REPLAY if replay else pb.ResetRequest.EXAMPLES_SKIP
        request = pb.ResetRequest(model=model, to_version=to_version, examples=choice, reason=reason)
        with calling("Reset") as metadata:
            answer = await self.stub.Reset(request, timeout=self._deadline_s, metadata=metadata)
        return line_from_pb(answer.line)

    async def push(self, push: Push, *, deadline_s: float | None = None) -> Pushed:
        """Store one version; returns once it is durable and announced. May be repeated with its push_id."""
        inline = len(push.serving) + len(push.trainer) <= CHUNK_BYTES
        header = push_to_pb(push, inline=inline)

        async def requests() -> AsyncIterator[pb.PushRequest]:
            yield pb.PushRequest(header=header)
            if not inline:
                for chunk in split(push.serving + push.trainer):
                    yield pb.PushRequest(chunk=chunk)

        with calling("Push") as metadata:
            answer = await self.stub.Push(
                requests(), timeout=deadline_s or self._deadline_s, metadata=metadata
            )
        return pushed_from_pb(answer)

    async def pull(
        self,
        model: str,
        *,
        channel: str = "",
        version: int = 0,
        have_version: int = 0,
        have_store_id: str = "",
        trainer_state: bool = False,
        max_bytes: int = 1 << 30,
        deadline_s: float | None = None,
    ) -> Pulled:
        """The weights of `channel` or of `version`, as a delta from `have_version` where that is shorter.

        Raises `NotFound`, `NotReady` where the channel has no version yet, `Exhausted` over `max_bytes`.
        """
        request = pb.PullRequest(
            model=model,
            have_version=have_version,
            have_store_id=have_store_id,
            trainer_state=trainer_state,
        )
        if channel:
            request.channel = channel
        else:
            request.version = version
        header: pb.PullHeader | None = None
        joiner = Joiner(f"model {model}", 0, max_bytes=max_bytes)
        timeout_s = deadline_s or 6 * self._deadline_s
        with calling("Pull") as metadata:
            async for part in self.stub.Pull(request, timeout=timeout_s, metadata=metadata):
                if header is None:
                    header = part.header
                    total = header.serving_bytes + header.trainer_bytes
                    joiner = Joiner(f"model {model}", total, max_bytes=max_bytes)
                else:
                    joiner.add(part.chunk)
        if header is None or joiner.missing:
            raise Unavailable(PEER, f"the pull of {model} was cut short")
        return pulled_from_pb(header, joiner.joined())


@contextlib.contextmanager
def calling(method: str, peer: str = PEER) -> Iterator[Metadata]:
    """One call of `method`, as a span, with the metadata that tells the server so; gRPC's errors as ours."""
    with tracing.span(method, "client", {"rpc.system": "grpc", "rpc.method": method}), translated(peer):
        yield tuple(tracing.here().items()) or None


@contextlib.contextmanager
def translated(peer: str = PEER) -> Iterator[None]:
    """gRPC errors that the block raises, as ours."""
    try:
        yield
    except grpc.RpcError as error:
        raise from_rpc_error(error, peer) from error
