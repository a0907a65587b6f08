"""What goes on in the background, in small steps: old versions, deleted models and old events go."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from riverrun.core.errors import RiverrunError
from riverrun.core.events import Stream
from riverrun.events.embedded.log import EmbeddedEventLog
from riverrun.runtime import metrics
from riverrun.runtime.clock import Clock
from riverrun_param_server.catalogue import Catalogue, Model
from riverrun_param_server.compaction import Compaction
from riverrun_param_server.keeping import Keeping
from riverrun_param_server.records import LineRecord
from riverrun_param_server.resets import positions_of
from riverrun_param_server.retention import Run, runs

log = structlog.get_logger()


HISTORY = frozenset({Stream.PREDICTIONS, Stream.LABELS, Stream.EXAMPLES})
"""The streams that can be learned again, of which old events move into files."""


@dataclass(frozen=True, slots=True)
class HousekeepingPolicy:
    """How long things are kept (events in tables, then in history files up to `history_s`), how often is
    looked, how many dead letters of a model stay, how many versions go in one step, and how long pushes have
    before the next step: a long backlog must not become one long stop."""

    every_s: float = 10.0
    deleted_models_s: float = 7 * 86_400.0
    events_s: float = 7 * 86_400.0
    history_s: float = 0.0
    dead_letters: int = 10_000
    max_run: int = 32
    pause_s: float = 0.05


class Housekeeping:
    """One task over all models; whatever it meets, it goes on with the next model."""

    def __init__(
        self,
        catalogue: Catalogue,
        keeping: Keeping,
        compaction: Compaction,
        clock: Clock,
        policy: HousekeepingPolicy,
    ) -> None:
        self._catalogue = catalogue
        self._keeping = keeping
        self._compaction = compaction
        self._clock = clock
        self._policy = policy

    async def work(self, event_log: EmbeddedEventLog) -> None:
        """Keep house, for ever."""
        while True:
            await asyncio.sleep(self._policy.every_s)
            for model in self._catalogue.everything():
                try:
                    await self.tidy(model)
                except RiverrunError as error:
                    log.warning("housekeeping was put off", model=model.name, reason=str(error))
            try:
                await self.expire_events(event_log)
                await self.cap_dead_letters(event_log)
            except RiverrunError as error:
                log.warning("old events stay for now", reason=str(error))
            metrics.STORE_BYTES.set(await asyncio.to_thread(self._catalogue.store.total_bytes))

    async def tidy(self, model: Model) -> int:
        """Drop what may go of one model; how many versions that were."""
        try:
            return await (self._purge(model) if model.record.deleted_ns else self._drop(model))
        finally:
            await self._compaction.remove_files()

    async def _drop(self, model: Model) -> int:
        dropped = 0
        parents = _parents(model)
        for run in await self._plan(model):
            rebased = await self._compaction.prepare(model.record.id, run)
            async with model.lock:
                if self._keeping.holders(model).keys() & set(run.dropped) or _parents(model) != parents:
                    # Somebody took an old version into use meanwhile; the next look sees it.
                    break
                await self._compaction.commit(model.record.id, run.dropped, rebased)
            dropped += len(run.dropped)
            await asyncio.sleep(self._policy.pause_s)
        if dropped:
            log.info("old versions were dropped", model=model.name, versions=dropped)
        return dropped

    async def _plan(self, model: Model) -> list[Run]:
        retention = self._keeping.retention
        now_ns = self._clock.wall_ns()
        until_ns = now_ns - int(retention.keep_all_s * 1e9)
        versions, complete = await self._compaction.aged(model.record.id, until_ns)
        held = self._keeping.holders(model).keys() | await self._compaction.good(model.record.id)
        may_go = retention.droppable(versions, held, now_ns)
        return list(runs(versions, may_go, self._policy.max_run, complete=complete))

    async def _purge(self, model: Model) -> int:
        """Let go of all that a model deleted long ago had, but its counters: no number comes back."""
        record = model.record
        age_s = (self._clock.wall_ns() - record.deleted_ns) / 1e9
        if not record.lines or age_s <= self._policy.deleted_models_s:
            return 0
        async with model.lock:
            if model.record != record:
                return 0
            for channel in record.channels:
                record = record.without_channel(channel.name)
            record = replace(record, lines=(), retrains=(), tail_version=0, tail_id=b"")
            everything, _ = await self._compaction.aged(record.id, self._clock.wall_ns())
            versions = [aged.version for aged in everything]
            await self._compaction.commit(record.id, versions, None, record)
            model.record = record
            model.states.clear()
            model.manifests.clear()
        log.info("a deleted model's versions were dropped", model=model.name, versions=len(versions))
        return len(versions)

    async def expire_events(self, event_log: EmbeddedEventLog) -> None:
        """Move events that are old enough and contained in a durable version into history files, and let go
        of those that are older still; where no history is kept, let go of them at once."""
        now_ns = self._clock.wall_ns()
        before_ns = now_ns - int(self._policy.events_s * 1e9)
        too_old_ns = now_ns - int(self._policy.history_s * 1e9)
        for name, stream in event_log.streams.names():
            model = self._catalogue.find(name)
            below = None if model is None else self._contained(model, stream, model.record.open_lines)
            if below is None:
                below = (await event_log.end(name, stream))[0]
            is_known = model is not None and bool(model.record.lines)
            keeps_history = stream in HISTORY and is_known and too_old_ns < before_ns
            if keeps_history:
                await event_log.retention.archive(name, stream, below=below, received_before_ns=before_ns)
            gone_ns = too_old_ns if keeps_history else before_ns
            await event_log.retention.expire(name, stream, below=below, received_before_ns=gone_ns)
        metrics.HISTORY_BYTES.set(event_log.history.total_bytes())

    async def cap_dead_letters(self, event_log: EmbeddedEventLog) -> None:
        """Let go of the oldest dead letters of each model that has more than the policy keeps."""
        for name, stream in event_log.streams.names():
            if stream is Stream.DEAD_LETTERS:
                dropped = await event_log.retention.keep_newest(name, stream, self._policy.dead_letters)
                if dropped:
                    metrics.DEAD_LETTERS_DROPPED.labels(name).inc(dropped)
                    log.warning("the oldest dead letters were dropped", model=name, letters=dropped)

    def learned(self, name: str, stream: Stream) -> int:
        """Up to where every line of the model's trainer contains a stream; 0 where that is not known.

        A retrain does not count: for want of room it goes without the oldest history.
        """
        model = self._catalogue.find(name)
        return 0 if model is None else self._contained(model, stream, model.record.trained_lines) or 0

    def _contained(self, model: Model, stream: Stream, lines: Sequence[LineRecord]) -> int | None:
        """Up to where each of `lines` contains the stream; None where no line reads it."""
        positions = [positions_of(line, model.manifests.get(line.head)) for line in lines]
        offsets = [p[stream].get(0, 0) if stream in p else None for p in positions]
        if any(line.retrain and offset is None for line, offset in zip(lines, offsets, strict=True)):
            return 0
        if stream is Stream.EXAMPLES:
            return min((offset or 0 for offset in offsets), default=None)
        return min((offset for offset in offsets if offset is not None), default=None)


def _parents(model: Model) -> list[int]:
    """The versions that the model's lines start from."""
    return [line.parent for line in model.record.lines]
