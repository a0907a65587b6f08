"""What watchers are told, as the bytes that go over the wire: made once, however many hear it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from google.protobuf.message import Message

from riverrun.api.params.v1 import params_pb2 as pb
from riverrun.core.versions import Channel, Manifest, ModelInfo
from riverrun.rpc.converters import manifest_to_pb, model_to_pb
from riverrun.rpc.times import duration, timestamp
from riverrun.runtime.clock import Clock
from riverrun_param_server.recent_deltas import RecentDeltas


class Announced(Protocol):
    """A model as far as watchers hear of it."""

    @property
    def name(self) -> str: ...
    @property
    def is_deleted(self) -> bool: ...
    @property
    def manifests(self) -> Mapping[int, Manifest]:
        """Those of the versions that its channels point to, at least."""

    @property
    def recent(self) -> RecentDeltas: ...
    def info(self) -> ModelInfo: ...
    def find_channel(self, name: str) -> Channel | None: ...


class AnnouncedModels(Protocol):
    """Where the models stand: a server's catalogue, or what a follower holds."""

    @property
    def store_id(self) -> str: ...
    def find(self, name: str) -> Announced | None:
        """The model called `name`, deleted or not."""

    def models(self) -> Sequence[Announced]:
        """All that are not deleted."""

    @property
    def complete(self) -> bool:
        """Whether all of the store's models are here."""

    def unconfirmed_s(self) -> float:
        """Seconds since what it says was last known to be the newest; 0: it is."""


class Announcements:
    """Renders how things stand now; remembers each rendering for as long as it is true."""

    def __init__(self, catalogue: AnnouncedModels, clock: Clock) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self.rendered = 0
        self._channels: dict[tuple[str, str], tuple[int, dict[int, bytes]]] = {}

    def standing(self) -> list[ModelInfo]:
        """All models that are not deleted."""
        return [model.info() for model in self._catalogue.models()]

    def of_model(self, name: str) -> bytes | None:
        """The model as it is now; that it was deleted; None where it never was."""
        model = self._catalogue.find(name)
        if model is None:
            return None
        if model.is_deleted:
            return _serialised(pb.WatchResponse(store_id=self._catalogue.store_id, deleted_model=name))
        return _serialised(
            pb.WatchResponse(store_id=self._catalogue.store_id, model=model_to_pb(model.info()))
        )

    def of_channel(self, name: str, channel_name: str, have: int) -> tuple[bytes, int] | None:
        """Where the channel is now, with what leads there from `have`, and the version it tells of.

        None where the channel is not there, or has no version.
        """
        model = self._catalogue.find(name)
        channel = None if model is None else model.find_channel(channel_name)
        if model is None or channel is None or channel.version == 0 or model.is_deleted:
            return None
        generation, rendered = self._channels.get((name, channel_name), (0, {}))
        if generation != channel.generation:
            rendered = {}
            self._channels[(name, channel_name)] = (channel.generation, rendered)
        message = rendered.get(have)
        if message is None:
            message = rendered[have] = self._render(model, channel, have)
        return message, channel.version

    def heartbeat(self) -> bytes | None:
        """That the server lives, and that all before it is how things stand; None before all is here."""
        if not self._catalogue.complete:
            return None
        beat = pb.WatchResponse.Heartbeat(
            time=timestamp(self._clock.wall_ns()), unconfirmed_for=duration(self._catalogue.unconfirmed_s())
        )
        return _serialised(pb.WatchResponse(store_id=self._catalogue.store_id, heartbeat=beat))

    def _render(self, model: Announced, channel: Channel, have: int) -> bytes:
        self.rendered += 1
        manifest = model.manifests[channel.version]
        path = model.recent.path(have, channel.version, manifest.arrivals.oldest_ns)
        announcement = pb.Announcement(
            channel=channel.name,
            generation=channel.generation,
            manifest=manifest_to_pb(manifest),
            base_version=0 if path.encoded is None else have,
            serving_delta=path.encoded or b"",
            oldest_arrival=timestamp(path.oldest_arrival_ns),
        )
        return _serialised(pb.WatchResponse(store_id=self._catalogue.store_id, announcement=announcement))


def _serialised(message: Message) -> bytes:
    return message.SerializeToString()
