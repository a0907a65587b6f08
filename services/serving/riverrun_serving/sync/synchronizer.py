"""All slots kept in step with the parameter server: what it announces, handed to the slot it is for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from riverrun.core.errors import InvalidInput
from riverrun.core.experiments import Experiment
from riverrun.core.spec import parse_spec
from riverrun.core.versions import LIVE, ModelInfo
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.watching import (
    Announced,
    Change,
    Connected,
    Disconnected,
    Have,
    Heartbeat,
    ModelChanged,
    ModelDeleted,
    Watch,
)
from riverrun.runtime import metrics
from riverrun.runtime.clock import Clock
from riverrun_serving.core.arms import Arms
from riverrun_serving.core.model_slot import LoadedVersion, ModelSlot, SlotKey
from riverrun_serving.core.readiness import Readiness
from riverrun_serving.core.served_models import ServedModel, ServedModels
from riverrun_serving.sync.applied_reporter import AppliedReporter
from riverrun_serving.sync.cache_writer import CacheWriter
from riverrun_serving.sync.last_good import LastGood
from riverrun_serving.sync.slot_sync import SlotSync
from riverrun_serving.sync.version_builder import opened
from riverrun_serving.sync.weights import Weights

log = structlog.get_logger()


class Synchronizer:
    """Owns the slots of `models`: makes, feeds and removes them. `run` goes on until it is cancelled."""

    def __init__(
        self,
        models: ServedModels,
        client: ParameterClient,
        weights: Weights,
        clock: Clock,
        readiness: Readiness,
        *,
        wanted: Sequence[str] = (),
        cache: CacheWriter | None = None,
    ) -> None:
        """`wanted` are the models to serve, empty for all; `cache` keeps last-good copies."""
        self._models = models
        self._client = client
        self._weights = weights
        self._clock = clock
        self._readiness = readiness
        self._cache = cache
        self._wanted = wanted
        self._syncs: dict[SlotKey, SlotSync] = {}
        self._running: dict[SlotKey, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._store_id = ""
        self._left: set[str] = set()
        self._ignored = False
        self._seen: set[str] = set()
        self._reporter = AppliedReporter(self._syncs)

    async def load_cache(self) -> None:
        """Take the last-good copies into use. Copies that this process cannot read are left out."""
        if self._cache is None:
            return
        for copy in await self._cache.read_all():
            try:
                await self._adopt(copy)
            except Exception as error:  # a copy that cannot be used must not keep the pod from starting
                log.warning("a last-good copy cannot be used", model=copy.manifest.model, error=str(error))
        if self._syncs:
            self._readiness.require({name for name, channel in self._syncs if channel == LIVE})

    async def run(self, reader_id: str, address: str) -> None:
        """Watch, and keep every slot in step, across disconnections, for ever.

        `reader_id` and `address` are how `ListReaders` shows this process.
        """
        watch = Watch(
            self._client, reader_id=reader_id, address=address, models=self._wanted, have=self._have
        )
        async with asyncio.TaskGroup() as self._group:
            for key, sync in self._syncs.items():
                self._running[key] = self._group.create_task(sync.run(), name=f"sync {key}")
            self._group.create_task(self._reporter.run(watch), name="report to the parameter server")
            if self._cache is not None:
                self._group.create_task(self._cache.run(), name="write last-good copies")
            async for change in watch.changes():
                await self._take(change)

    def refresh_ages(self) -> None:
        """Bring the age gauges up to date; called when metrics are read."""
        now = self._clock.monotonic()
        for (model, channel), sync in self._syncs.items():
            if sync.slot.current is not None:
                metrics.AGE_SECONDS.labels(model, channel).set(sync.slot.age_s(now))

    async def _take(self, change: Change) -> None:
        if isinstance(change, Connected):
            self._connected(change.store_id)
            return
        if isinstance(change, Disconnected) or self._ignored:
            return
        match change:
            case ModelChanged(info):
                await self._model_changed(info)
            case ModelDeleted(name):
                self._remove_model(name)
            case Announced():
                model = self._models.get(change.manifest.model)
                if model is not None:
                    self._sync_of(model, change.channel).offer(change)
            case Heartbeat(unconfirmed_s):
                self._all_is_known(unconfirmed_s)

    def _connected(self, store_id: str) -> None:
        self._seen = set()
        self._ignored = store_id in self._left
        if self._ignored:
            log.error("a store that was left answers again; it is not listened to", store_id=store_id)
            return
        if store_id == self._store_id:
            return
        if self._store_id:
            log.warning("another store answers now; starting again", store_id=store_id, left=self._store_id)
            self._left.add(self._store_id)
        self._store_id = store_id
        for sync in self._syncs.values():
            sync.start_again(store_id)

    async def _model_changed(self, info: ModelInfo) -> None:
        self._seen.add(info.name)
        model = self._models.get(info.name)
        if model is None or model.info is None or model.info.spec_yaml != info.spec_yaml:
            try:
                spec = await asyncio.to_thread(parse_spec, info.spec_yaml)
            except InvalidInput as error:
                log.error("a registered spec cannot be read here", model=info.name, error=str(error))
                return
            if model is None:
                model = ServedModel(info.name, spec)
                self._models.add(model)
                self._readiness.moved.set()
            model.spec = spec
        model.info = info
        _use_experiment(model, info.running_experiment)
        for channel in info.channels:
            self._sync_of(model, channel.name)
        for sync in [sync for (name, _), sync in self._syncs.items() if name == info.name]:
            sync.set_policy(model.spec.sync)
            if info.channel(sync.slot.channel) is None:
                self._remove_slot(model, sync.slot.channel)
        for name in model.slots:
            self._reporter.want((model.name, name))

    def _all_is_known(self, unconfirmed_s: float) -> None:
        """A heartbeat: nothing is newer than what came before it, or was `unconfirmed_s` ago."""
        self._models.complete = True
        self._readiness.require(set(self._seen))
        for model in list(self._models):
            if model.name in self._seen and model.info is not None:
                for channel in model.info.channels:
                    self._syncs[model.name, channel.name].know(channel.generation, channel.version)
            elif not self._is_of_older_store(model):
                log.info("a model is gone from the store", model=model.name)
                self._remove_model(model.name)
        for sync in self._syncs.values():
            sync.confirm(unconfirmed_s)

    def _is_of_older_store(self, model: ServedModel) -> bool:
        """Whether the model's weights are all that is left of a store that lost its history."""
        stores = {slot.current.store_id for slot in model.slots.values() if slot.current is not None}
        return bool(stores - {self._store_id})

    def _sync_of(self, model: ServedModel, channel: str) -> SlotSync:
        key = (model.name, channel)
        sync = self._syncs.get(key)
        if sync is None:
            slot = ModelSlot(model.name, channel)
            slot.policy = model.spec.sync
            sync = SlotSync(
                slot,
                self._client,
                self._weights,
                self._clock,
                self._changed,
                store_id=self._store_id,
                keep_units=self._cache is not None,
            )
            self._syncs[key] = sync
            model.slots[channel] = slot
            if self._group is not None:
                self._running[key] = self._group.create_task(sync.run(), name=f"sync {key}")
        return sync

    async def _adopt(self, copy: LastGood) -> None:
        spec = await asyncio.to_thread(parse_spec, copy.spec_yaml)
        units = dict(copy.units)
        predictor, _ = await opened(self._weights, spec, units, copy.manifest.serving_root)
        if not self._store_id:
            self._store_id = copy.store_id
        self._left.update(copy.left)
        name = copy.manifest.model
        model = self._models.get(name) or ServedModel(name, spec)
        self._models.add(model)
        loaded = LoadedVersion(copy.store_id, copy.manifest, spec, copy.spec_yaml, predictor, copy.generation)
        self._sync_of(model, copy.channel).adopt(loaded, units)
        log.info("started from a last-good copy", model=name, channel=copy.channel, version=loaded.version)

    def _remove_model(self, name: str) -> None:
        model = self._models.get(name)
        if model is None:
            return
        for channel in list(model.slots):
            self._remove_slot(model, channel)
        self._models.remove(name)
        self._seen.discard(name)
        self._readiness.moved.set()

    def _remove_slot(self, model: ServedModel, channel: str) -> None:
        key = (model.name, channel)
        model.slots.pop(channel, None)
        self._readiness.forget(key)
        sync = self._syncs.pop(key)
        task = self._running.pop(key, None)
        if task is not None:
            task.cancel()
        sync.slot.forget_metrics()
        if self._cache is not None:
            self._cache.forget(*key)

    def _have(self) -> tuple[str, Sequence[Have]]:
        haves = [
            Have(model, channel, current.version, current.generation)
            for (model, channel), sync in self._syncs.items()
            if (current := sync.slot.current) is not None and current.store_id == self._store_id
        ]
        return self._store_id, haves

    def _changed(self, sync: SlotSync) -> None:
        key = (sync.slot.model, sync.slot.channel)
        if sync.slot.current is not None:
            self._readiness.has_weights(key)
        self._reporter.want(key)
        if self._cache is not None and sync.units is not None:
            self._cache.want(sync.slot.model, sync.slot.channel, lambda: self._copy_of(sync))

    def _copy_of(self, sync: SlotSync) -> LastGood | None:
        current, units = sync.slot.current, sync.units
        if current is None or units is None:
            return None
        return LastGood(
            store_id=current.store_id,
            left=tuple(sorted(self._left)),
            channel=sync.slot.channel,
            generation=current.generation,
            manifest=current.manifest,
            spec_yaml=current.spec_yaml,
            units=dict(units),
        )


def _use_experiment(model: ServedModel, running: Experiment | None) -> None:
    """Assign keys to the arms of `running` from now on; None: to none."""
    if running is None:
        model.arms = None
    elif model.arms is None or model.arms.experiment != running:
        model.arms = Arms(model.name, running)
