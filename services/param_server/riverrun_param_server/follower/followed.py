"""What a follower holds of its leader's models: serving's side of each version that a channel points to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from riverrun.codec.wire import decode_side
from riverrun.core.digest import HashTree
from riverrun.core.errors import InvalidInput, NotFound
from riverrun.core.units import NO_UNITS, Delta, SideDelta, State
from riverrun.core.versions import Channel, Manifest, ModelInfo
from riverrun.rpc.watching import Announced
from riverrun.rpc.weights import Pulled
from riverrun.runtime.clock import Clock
from riverrun_param_server.line_state import LineState
from riverrun_param_server.recent_deltas import RecentDelta, RecentDeltas

NO_TRAINER_SIDE = HashTree().root


@dataclass(slots=True)
class FollowedVersion:
    """A version's manifest, its line's spec, and its serving side with the hash tree over it."""

    manifest: Manifest
    spec_yaml: str
    state: LineState


class FollowedModel:
    """One model as far as this follower has it; only one task at a time changes it.

    A channel stands here where its weights are, which may be behind the leader; `newest` is the highest
    version that was ever here.
    """

    def __init__(self, info: ModelInfo, max_bytes: int) -> None:
        self._info = info
        self._max_bytes = max_bytes
        self._channels: dict[str, Channel] = {}
        self.versions: dict[int, FollowedVersion] = {}
        self.manifests: dict[int, Manifest] = {}
        self.recent = RecentDeltas()
        self.newest = 0
        self.is_deleted = False
        self.moved = asyncio.Condition()
        """Notified after each version that is taken."""

    @property
    def name(self) -> str:
        return self._info.name

    def info(self) -> ModelInfo:
        """As the leader told, with the channels where they stand here."""
        channels = sorted(self._channels.values(), key=lambda channel: channel.name)
        return replace(self._info, channels=tuple(channels))

    def find_channel(self, name: str) -> Channel | None:
        """The channel called `name`, where its weights are here; or None."""
        return self._channels.get(name)

    def missing(self) -> list[str]:
        """Channels that have a version at the leader, and none or an older one here."""
        return [
            channel.name
            for channel in self._info.channels
            if channel.version and self._generation(channel.name) < channel.generation
        ]

    def is_news(self, channel: str, generation: int) -> bool:
        """Whether `generation` is newer than what is here; a channel that the leader removed has none."""
        return self._info.channel(channel) is not None and self._generation(channel) < generation

    def take_info(self, info: ModelInfo) -> None:
        """The leader told of another spec, line or channel; channels that it removed go here too."""
        self._info = info
        for name in [name for name in self._channels if info.channel(name) is None]:
            del self._channels[name]
        self._drop_unused()

    def forget(self) -> None:
        """The model is deleted."""
        self.is_deleted = True
        self._channels.clear()
        self.recent = RecentDeltas()
        self._drop_unused()

    def advance(self, announced: Announced) -> bool:
        """Take a version by the delta announced with it; False where it does not go on from one here.

        Raises `DigestMismatch` and `InvalidInput`, with everything as it was.
        """
        manifest = announced.manifest
        if manifest.version in self.versions:
            self._move(announced.channel, announced.generation, manifest.version)
            return True
        base = self.versions.get(announced.base_version)
        if base is None or base.manifest.spec_digest != manifest.spec_digest:
            return False
        delta = decode_side(announced.serving, max_bytes=self._max_bytes)
        state = base.state
        if self._is_held(base.manifest.version, announced.channel):
            state = LineState(state.state())
        self._step(state, delta, manifest, snapshot=False)
        if state is base.state:
            # Another channel that follows the line comes here with its own announcement, which is on its way.
            del self.versions[base.manifest.version]
        recent = RecentDelta(announced.base_version, delta, announced.serving, announced.oldest_arrival_ns)
        self._take(FollowedVersion(manifest, base.spec_yaml, state), recent)
        self._move(announced.channel, announced.generation, manifest.version)
        return True

    def built(self, pulled: Pulled) -> tuple[FollowedVersion, RecentDelta | None]:
        """The version that `pulled` leads to. Changes nothing; takes as long as a model of its size does.

        Raises as `advance` does, `InvalidInput` too where the pull goes on from a version that is not here.
        """
        manifest, delta = pulled.manifest, decode_side(pulled.serving, max_bytes=self._max_bytes)
        if not pulled.base_version:
            state = LineState(State({}))
            self._step(state, delta, manifest, snapshot=True)
            return FollowedVersion(manifest, pulled.spec_yaml, state), None
        base = self.versions.get(pulled.base_version)
        if base is None:
            raise InvalidInput("base_version", f"the pull starts from {pulled.base_version}, not from here")
        state = LineState(base.state.state())
        if pulled.base_version == manifest.version:
            return FollowedVersion(manifest, pulled.spec_yaml, state), None
        self._step(state, delta, manifest, snapshot=False)
        recent = RecentDelta(pulled.base_version, delta, pulled.serving, manifest.arrivals.oldest_ns)
        return FollowedVersion(manifest, pulled.spec_yaml, state), recent

    def take_built(
        self, channel: str, generation: int, version: FollowedVersion, recent: RecentDelta | None
    ) -> None:
        """Have `channel` point to what `built` gave."""
        self._take(version, recent)
        self._move(channel, generation, version.manifest.version)

    def _take(self, version: FollowedVersion, recent: RecentDelta | None) -> None:
        number = version.manifest.version
        self.versions[number], self.manifests[number] = version, version.manifest
        if recent is not None:
            self.recent.add(number, recent)

    def _step(self, state: LineState, delta: SideDelta, manifest: Manifest, *, snapshot: bool) -> None:
        whole = Delta(delta, SideDelta(NO_UNITS), manifest.next_unit)
        roots = manifest.serving_root, NO_TRAINER_SIDE
        state.commit(state.prepare(whole, roots, snapshot=snapshot, max_bytes=self._max_bytes))

    def _move(self, name: str, generation: int, version: int) -> None:
        told = self._info.channel(name)
        follows = None if told is None else told.follows
        self._channels[name] = Channel(name, generation, version, follows)
        self.newest = max(self.newest, version)
        self._drop_unused()

    def _generation(self, channel: str) -> int:
        found = self._channels.get(channel)
        return 0 if found is None else found.generation

    def _is_held(self, version: int, but: str) -> bool:
        """Whether another channel than `but` stays at `version`."""
        return any(
            channel.version == version and channel.name != but and channel.held
            for channel in self._channels.values()
        )

    def _drop_unused(self) -> None:
        used = {channel.version for channel in self._channels.values()}
        for held in (self.versions, self.manifests):
            for number in [number for number in held if number not in used]:
                del held[number]


class Followed:
    """All models of the leader's store, and when they were last known to be its newest."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._models: dict[str, FollowedModel] = {}
        self._confirmed_at = clock.monotonic()
        self.store_id = ""
        self.complete = False
        """Whether everything that the leader had at some moment has been here."""

    def start_again(self, store_id: str) -> None:
        """Another store answers: nothing of the one before is worth anything."""
        self.store_id = store_id
        self._models.clear()
        self.complete = False

    def confirm(self, unconfirmed_s: float) -> None:
        """All that is here is the newest, or was `unconfirmed_s` ago."""
        self.complete = True
        self._confirmed_at = max(self._confirmed_at, self._clock.monotonic() - unconfirmed_s)

    def unconfirmed_s(self) -> float:
        """Seconds since what is here was last known to be the newest, or since this follower was made."""
        return max(0.0, self._clock.monotonic() - self._confirmed_at)

    def add(self, model: FollowedModel) -> None:
        """Hold another model."""
        self._models[model.name] = model

    def remove(self, name: str) -> None:
        """Hold a model no more; that it was there is remembered, to be told."""
        model = self._models.get(name)
        if model is not None:
            model.forget()

    def find(self, name: str) -> FollowedModel | None:
        """The model called `name`, deleted or not, or None."""
        return self._models.get(name)

    def get(self, name: str) -> FollowedModel:
        """The model called `name`; raises `NotFound` naming those there are."""
        model = self._models.get(name)
        if model is None or model.is_deleted:
            known = ", ".join(model.name for model in self.models())
            raise NotFound("model", name[:64], known[:1024] or None)
        return model

    def models(self) -> list[FollowedModel]:
        """All models that are not deleted, by name."""
        return [model for _, model in sorted(self._models.items()) if not model.is_deleted]
