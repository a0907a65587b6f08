"""A parameter server that lies: it announces and gives out whatever a test wants, of one model."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc

from riverrun.api.params.v1 import params_pb2 as pb
from riverrun.api.params.v1 import params_pb2_grpc as pb_grpc
from riverrun.core.spec import parse_spec
from riverrun.core.versions import LIVE, Channel, Line, Manifest, ModelInfo
from riverrun.rpc.chunks import split
from riverrun.rpc.converters import manifest_to_pb, model_to_pb
from riverrun.rpc.servers import serving_grpc

STORE = "the-store-that-lies"
BEAT_S = 0.2


@dataclass(frozen=True, slots=True)
class Offer:
    """One version as it is given out: `whole` by a pull, `delta` inline from `base` where that is not 0.

    A pull ends after `cut_after` bytes of the body, if that is not None.
    """

    root: bytes
    spec_digest: bytes
    whole: bytes
    base: int = 0
    delta: bytes = b""
    cut_after: int | None = None


class FakeServer(pb_grpc.ParameterServiceServicer):  # type: ignore[misc]  # generated code has no hints
    """Offers one version after the other under rising numbers; `reported` is what the reader said last."""

    def __init__(self, spec_yaml: str) -> None:
        self.address = ""
        self.version = 0
        self.reported: pb.WatchRequest.Applied | None = None
        self.pulls = 0
        self._spec_yaml = spec_yaml
        self._model = parse_spec(spec_yaml).name
        self._offer: Offer | None = None
        self._moved = asyncio.Event()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[FakeServer]:
        """It answers while the block runs."""

        def add(server: grpc.aio.Server) -> list[str]:
            pb_grpc.add_ParameterServiceServicer_to_server(self, server)
            return []

        async with serving_grpc(add, "127.0.0.1", 0, drain_s=0) as (port, _):
            self.address = f"127.0.0.1:{port}"
            yield self

    def offer(self, offer: Offer) -> int:
        """Announce the next version; its number, which is its generation too."""
        self._offer = offer
        self.version += 1
        self._moved.set()
        return self.version

    async def Watch(self, requests: Any, context: Any) -> AsyncIterator[pb.WatchResponse]:
        """The model, its announcements and heartbeats; takes reports."""
        reports = asyncio.create_task(self._take(requests))
        told = 0
        try:
            yield pb.WatchResponse(store_id=STORE, model=model_to_pb(self._info()))
            while True:
                self._moved.clear()
                if told != self.version:
                    told = self.version
                    yield pb.WatchResponse(store_id=STORE, announcement=self._announcement())
                yield pb.WatchResponse(store_id=STORE, heartbeat=pb.WatchResponse.Heartbeat())
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_S):
                        await self._moved.wait()
        finally:
            reports.cancel()

    async def Pull(self, request: pb.PullRequest, context: Any) -> AsyncIterator[pb.PullResponse]:
        """The offer, whole, whatever the reader holds."""
        offer = self._given
        self.pulls += 1
        header = pb.PullHeader(
            store_id=STORE,
            manifest=manifest_to_pb(self._manifest()),
            generation=self.version,
            serving_bytes=len(offer.whole),
            spec_yaml=self._spec_yaml,
        )
        yield pb.PullResponse(header=header)
        for chunk in split(offer.whole[: offer.cut_after]):
            yield pb.PullResponse(chunk=chunk)

    async def _take(self, requests: Any) -> None:
        async for request in requests:
            if request.HasField("applied"):
                self.reported = request.applied

    @property
    def _given(self) -> Offer:
        assert self._offer is not None, "nothing was offered"
        return self._offer

    def _manifest(self) -> Manifest:
        return Manifest(
            model=self._model,
            version=self.version,
            line=1,
            parent=self.version - 1,
            epoch=1,
            digest=hashlib.sha256(f"{self.version}".encode()).digest(),
            serving_root=self._given.root,
            trainer_root=bytes(32),
            spec_digest=self._given.spec_digest,
            created_ns=time.time_ns(),
            next_unit=1000,
        )

    def _announcement(self) -> pb.Announcement:
        offer = self._given
        return pb.Announcement(
            channel=LIVE,
            generation=self.version,
            manifest=manifest_to_pb(self._manifest()),
            base_version=offer.base,
            serving_delta=offer.delta,
        )

    def _info(self) -> ModelInfo:
        spec = parse_spec(self._spec_yaml)
        return ModelInfo(
            name=self._model,
            spec_yaml=self._spec_yaml,
            spec_revision=1,
            lines=(Line(1, self.version, 1, spec.digest()),),
            channels=(Channel(LIVE, self.version, self.version, 1),),
        )
