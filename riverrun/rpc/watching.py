"""Watching a parameter server: what is there, then each change, across disconnections.

One duty each: `WatchStream` is one connection; `watch` reconnects, with jitter, for ever.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from riverrun.api.params.v1 import params_pb2 as pb
from riverrun.core.errors import RiverrunError, Unavailable
from riverrun.core.versions import Freshness, Manifest, ModelInfo
from riverrun.rpc.converters import freshness_to_pb, manifest_from_pb, model_from_pb
from riverrun.rpc.params_client import PEER, ParameterClient, translated
from riverrun.rpc.times import seconds, unix_ns

log = structlog.get_logger()

SILENCE_S = 5.0
"""The server sends a heartbeat each second; this long without any message means the link is dead."""


@dataclass(frozen=True, slots=True)
class Connected:
    """A stream is up; the models follow, then the first heartbeat."""

    store_id: str


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The stream broke; what was seen stays valid and ages."""

    why: str


@dataclass(frozen=True, slots=True)
class ModelChanged:
    """A model is new, or its spec, lines or channels changed."""

    model: ModelInfo


@dataclass(frozen=True, slots=True)
class ModelDeleted:
    """A model is gone."""

    name: str


@dataclass(frozen=True, slots=True)
class Announced:
    """A channel moved. `serving` leads from `base_version` to the manifest's; base 0: pull it."""

    channel: str
    generation: int
    manifest: Manifest
    base_version: int
    serving: bytes
    oldest_arrival_ns: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Everything before it was the newest there is; comes each second.

    `unconfirmed_s`: seconds since it last was so, for a read replica that has lost its leader or is behind.
    """

    unconfirmed_s: float = 0.0


Change = Connected | Disconnected | ModelChanged | ModelDeleted | Announced | Heartbeat


@dataclass(frozen=True, slots=True)
class Have:
    """What a reader holds of one channel when it connects."""

    model: str
    channel: str
    version: int
    generation: int


@dataclass(frozen=True, slots=True)
class Applied:
    """What a reader answers with now, for `ListReaders`; `problem` says why it is not the newest.

    A read replica speaks for its own readers: `reader_id` and `address` are then theirs, and `gone` says
    that one of them left.
    """

    model: str
    channel: str
    version: int
    generation: int
    sync: str
    problem: str = ""
    reader_id: str = ""
    address: str = ""
    gone: bool = False
    freshness: Freshness | None = None


class Watch:
    """A watch that reconnects for ever. Iterate `changes`; call `report` with what was applied."""

    def __init__(
        self,
        client: ParameterClient,
        *,
        reader_id: str = "",
        address: str = "",
        models: Sequence[str] = (),
        catalogue_only: bool = False,
        have: Callable[[], tuple[str, Sequence[Have]]] = lambda: ("", ()),
    ) -> None:
        """`have` is asked at each connection for the store id and what is held of it."""
        self._client = client
        self._subscribe = pb.WatchRequest.Subscribe(
            reader_id=reader_id, address=address, models=models, catalogue_only=catalogue_only
        )
        self._have = have
        self._call: Any = None
        self._reports: dict[tuple[str, str, str], Applied] = {}

    async def changes(self) -> AsyncIterator[Change]:
        """Every change, without end; after each `Connected` the present state comes anew."""
        backoff_s = 0.1
        while True:
            try:
                async for change in self._one_connection():
                    backoff_s = 0.1
                    yield change
            except RiverrunError as error:
                log.info("the watch broke", reason=str(error))
                yield Disconnected(str(error))
            finally:
                self._call = None
            await asyncio.sleep(backoff_s * random.uniform(0.5, 1.5))
            backoff_s = min(2 * backoff_s, 5.0)

    async def report(self, applied: Applied) -> None:
        """Tell the server what is answered with now; told again at the next connection if it breaks."""
        key = (applied.reader_id, applied.model, applied.channel)
        if applied.gone:
            self._reports.pop(key, None)
        else:
            self._reports[key] = applied
        await self._send(applied)

    async def _send(self, applied: Applied) -> None:
        if self._call is None:
            return
        message = pb.WatchRequest.Applied(
            model=applied.model,
            channel=applied.channel,
            version=applied.version,
            generation=applied.generation,
            sync=applied.sync,
            problem=applied.problem,
            reader_id=applied.reader_id,
            address=applied.address,
            gone=applied.gone,
            freshness=freshness_to_pb(applied.freshness),
        )
        try:
            with translated():
                await self._call.write(pb.WatchRequest(applied=message))
        except (RiverrunError, asyncio.InvalidStateError):
            # The reading side sees the same break and reconnects; the report is sent again then.
            return

    async def _one_connection(self) -> AsyncIterator[Change]:
        call = self._client.stub.Watch()
        try:
            with translated():
                # Not wait_for: in Python 3.11 it swallows a cancellation that comes with the result.
                async with asyncio.timeout(SILENCE_S):
                    await call.write(self._subscription())
                self._call = call
                for applied in list(self._reports.values()):
                    await self._send(applied)
                first = True
                while True:
                    async with asyncio.timeout(SILENCE_S):
                        message = await call.read()
                    if not isinstance(message, pb.WatchResponse):
                        raise Unavailable(PEER, "the watch ended")
                    if first:
                        yield Connected(message.store_id)
                        first = False
                    yield change_from(message)
        except TimeoutError as error:
            raise Unavailable(PEER, f"no heartbeat for {SILENCE_S:g} s") from error
        finally:
            call.cancel()

    def _subscription(self) -> pb.WatchRequest:
        store_id, haves = self._have()
        have = [
            pb.WatchRequest.Have(model=h.model, channel=h.channel, version=h.version, generation=h.generation)
            for h in haves
        ]
        subscribe = pb.WatchRequest.Subscribe(have=have, have_store_id=store_id)
        subscribe.MergeFrom(self._subscribe)
        return pb.WatchRequest(subscribe=subscribe)


def change_from(message: pb.WatchResponse) -> Change:
    """What a message of a watch says."""
    match message.WhichOneof("response"):
        case "model":
            return ModelChanged(model_from_pb(message.model))
        case "deleted_model":
            return ModelDeleted(message.deleted_model)
        case "announcement":
            found = message.announcement
            return Announced(
                channel=found.channel,
                generation=found.generation,
                manifest=manifest_from_pb(found.manifest),
                base_version=found.base_version,
                serving=found.serving_delta,
                oldest_arrival_ns=unix_ns(found.oldest_arrival),
            )
        case _:
            return Heartbeat(seconds(message.heartbeat.unconfirmed_for))
