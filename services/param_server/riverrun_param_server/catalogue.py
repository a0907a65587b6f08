"""All models as the server answers for them: what is durable, held in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from msgspec import structs

from riverrun.core.errors import NotFound
from riverrun.core.versions import Channel, Line, Manifest, ModelInfo
from riverrun.runtime.clock import Clock, SystemClock
from riverrun_param_server.line_state import LineState
from riverrun_param_server.recent_deltas import RecentDeltas
from riverrun_param_server.records import LineRecord, ModelRecord
from riverrun_param_server.store import Change, Store, spec_sha


class Model:
    """One model in memory. Changed only under `lock`, after the change is durable."""

    def __init__(self, record: ModelRecord, specs: dict[bytes, str]) -> None:
        self.record = record
        self.specs = specs
        self.lock = asyncio.Lock()
        self.states: dict[int, LineState] = {}
        self.manifests: dict[int, Manifest] = {}
        self.recent = RecentDeltas()
        self.problems: dict[int, str] = {}

    @property
    def name(self) -> str:
        return self.record.name

    def line(self, number: int) -> LineRecord:
        """The line with that number; raises `NotFound` naming those there are."""
        line = self.record.line(number)
        if line is None:
            known = ", ".join(str(line.number) for line in self.record.lines)
            raise NotFound("line", str(number), known or None)
        return line

    @property
    def is_deleted(self) -> bool:
        return bool(self.record.deleted_ns)

    def find_channel(self, name: str) -> Channel | None:
        """The channel called `name`, or None."""
        return self.record.channel(name)

    def channel(self, name: str) -> Channel:
        """The channel called `name`; raises `NotFound` naming those there are."""
        channel = self.record.channel(name)
        if channel is None:
            raise NotFound("channel", name[:64], ", ".join(c.name for c in self.record.channels) or None)
        return channel

    def mark_good(self, version: int, *, good: bool = True) -> None:
        """Take in that a version whose manifest is held was marked good, or is no longer."""
        self.manifests[version] = replace(self.manifests[version], good=good)

    def info(self) -> ModelInfo:
        """The model as callers see it."""
        record = self.record
        lines: tuple[Line, ...] = tuple(line.as_line() for line in record.lines)
        return ModelInfo(
            name=record.name,
            spec_yaml=self.specs[record.spec_sha],
            spec_revision=record.spec_revision,
            lines=lines,
            channels=record.channels,
            created_ns=record.created_ns,
            problem="; ".join(filter(None, self.problems.values())),
            experiments=record.experiments,
        )

    def versions_in_use(self) -> set[int]:
        """Versions that a channel points to or an open line goes on from."""
        used = {channel.version for channel in self.record.channels}
        used |= {line.head for line in self.record.open_lines}
        return used - {0}


class Catalogue:
    """The models by name, deleted ones included, since their counters go on if they come back."""

    def __init__(self, store: Store, store_id: str, clock: Clock | None = None) -> None:
        self.store = store
        self._clock = clock or SystemClock()
        self.store_id = store_id
        self.registering = asyncio.Lock()
        self._models: dict[str, Model] = {}

    def add(self, model: Model) -> None:
        """Take in a model that is durable."""
        self._models[model.name] = model

    def get(self, name: str) -> Model:
        """The model called `name`; raises `NotFound` naming those there are."""
        model = self._models.get(name)
        if model is None or model.record.deleted_ns:
            known = ", ".join(model.name for model in self.models())
            raise NotFound("model", name[:64], known[:1024] or None)
        return model

    def find(self, name: str) -> Model | None:
        """The model called `name`, deleted or not, or None."""
        return self._models.get(name)

    def check(self, name: str) -> None:
        """Raise `NotFound` unless a model is called `name`."""
        self.get(name)

    def models(self) -> list[Model]:
        """All models that are not deleted, by name."""
        return [m for _, m in sorted(self._models.items()) if not m.record.deleted_ns]

    @property
    def complete(self) -> bool:
        """The store is loaded before anybody is answered."""
        return True

    def unconfirmed_s(self) -> float:
        """0: what is durable here is the newest there is."""
        return 0.0

    def everything(self) -> Iterable[Model]:
        """All models, deleted ones included."""
        return tuple(self._models.values())

    def next_id(self) -> int:
        """The row id of a new model."""
        return max((model.record.id for model in self._models.values()), default=0) + 1

    async def commit(self, model: Model, change: Change, *manifests: Manifest) -> None:
        """Make `change` durable, then true in memory. The caller holds the model's lock.

        `manifests` are of older versions that the change brings into use. Records of the journal that have
        no time get that of the server.
        """
        if change.journal:
            now_ns = self._clock.wall_ns()
            dated = (structs.replace(one.checked(), time_ns=one.time_ns or now_ns) for one in change.journal)
            change = replace(change, journal=tuple(dated))
        record = await self.store.commit(change)
        for text in change.specs:
            model.specs[spec_sha(text)] = text
        model.record = record
        if change.version is not None:
            model.manifests[change.version.version] = change.version.manifest
        model.manifests.update((manifest.version, manifest) for manifest in manifests)
        used = model.versions_in_use()
        for gone in [version for version in model.manifests if version not in used]:
            del model.manifests[gone]

    async def manifest(self, model: Model, version: int) -> Manifest:
        """The manifest of one version; raises `NotFound`."""
        known = model.manifests.get(version)
        if known is not None:
            return known
        row = await self.store.row(model.record.id, version)
        if row is None:
            raise NotFound("version", str(version))
        if version in model.versions_in_use():
            model.manifests[version] = row.manifest
        return row.manifest
