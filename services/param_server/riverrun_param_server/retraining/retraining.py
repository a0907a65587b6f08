"""Retrains of all models: started, followed and ended, one change at a time for each model."""

from __future__ import annotations

import asyncio

import structlog

from riverrun.core.errors import NotFound, NotReady, RiverrunError
from riverrun.core.journal import JournalRecord
from riverrun.core.retraining import Retrain, RetrainProgress, RetrainState
from riverrun.core.spec import ModelSpec, parse_spec
from riverrun.core.spec.quantities import format_duration
from riverrun.core.versions import CANDIDATE, LIVE, Manifest
from riverrun.runtime.clock import Clock
from riverrun.runtime.failpoints import reach
from riverrun_param_server.catalogue import Catalogue, Model
from riverrun_param_server.completion import Completion
from riverrun_param_server.line_state import LineState
from riverrun_param_server.records import RetrainRecord
from riverrun_param_server.retraining import decisions
from riverrun_param_server.retraining.decisions import RetrainWish
from riverrun_param_server.retraining.progress import Reports
from riverrun_param_server.sessions import Sessions
from riverrun_param_server.store import Change
from riverrun_param_server.version_reader import VersionReader
from riverrun_param_server.watch_hub import WatchHub

SWEEP_S = 5.0
"""How often is looked for retrains that have had their time."""

log = structlog.get_logger()


class Retraining:
    """What `RetrainService` says, but for the transport."""

    def __init__(
        self,
        catalogue: Catalogue,
        reader: VersionReader,
        hub: WatchHub,
        sessions: Sessions,
        completion: Completion,
        clock: Clock,
    ) -> None:
        self._catalogue = catalogue
        self._reader = reader
        self._hub = hub
        self._sessions = sessions
        self._completion = completion
        self._clock = clock
        self._reports = Reports(clock)

    async def start(self, model_name: str, wish: RetrainWish, actor: str = "") -> Retrain:
        """The retrain that was opened, durable. See `RetrainService.Start` for what it raises."""
        model = self._catalogue.get(model_name)
        one = await self._completion.run(self._start(model, wish, actor))
        log.info("a retrain was started", model=model_name, line=one.line, reason=one.reason)
        return self._seen(model, one)

    def list(self, model_name: str) -> list[Retrain]:
        """The retrains of a model, newest first. Raises `NotFound`."""
        model = self._catalogue.get(model_name)
        return [self._seen(model, one) for one in reversed(model.record.retrains)]

    async def cancel(self, model_name: str, reason: str, actor: str = "") -> Retrain:
        """End the one that is under way. Raises `NotFound`."""
        model = self._catalogue.get(model_name)
        one = decisions.running(model.record)
        if one is None:
            raise NotFound("retrain under way", model_name)
        outcome = reason or "cancelled by hand"
        work = self._end(model, one.line, RetrainState.CANCELLED, outcome, actor=actor)
        return await self._completion.run(work)

    def report(self, model_name: str, line: int, epoch: int, progress: RetrainProgress) -> None:
        """Take note of how far a retrain is. Raises `NotFound`, `Fenced`."""
        model = self._catalogue.get(model_name)
        decisions.check_runner(model.record, line, epoch)
        self._reports.take(model_name, line, epoch, progress)

    async def finish(
        self, model_name: str, line: int, epoch: int, *, take_over: bool, outcome: str
    ) -> Retrain:
        """Let live follow the line, or close it; see `RetrainService.Finish` for what it raises."""
        model = self._catalogue.get(model_name)
        wanted = RetrainState.TOOK_OVER if take_over else RetrainState.ABANDONED
        one = decisions.found(model.record, line)
        if one.state is wanted:
            return self._seen(model, one)
        return await self._completion.run(self._finish(model, line, epoch, wanted, outcome))

    async def expire(self) -> None:
        """Abandon each retrain that did not take over within the time that its spec gives it."""
        for model in self._catalogue.models():
            one = decisions.running(model.record)
            if one is None:
                continue
            within = self._spec(model, one.line).retrain.take_over.within
            if self._clock.wall_ns() - one.started_ns > within * 1e9:
                outcome = f"it did not take over within {format_duration(within)}"
                await self._completion.run(self._end(model, one.line, RetrainState.ABANDONED, outcome))

    async def sweep(self) -> None:
        """`expire`, for ever."""
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                await self.expire()
            except RiverrunError as error:
                log.warning("a retrain is not given up yet", reason=str(error))

    async def _start(self, model: Model, wish: RetrainWish, actor: str) -> RetrainRecord:
        async with model.lock:
            live = await self._live(model)
            spec = self._spec(model, live.line).retrain
            record = decisions.started(model.record, wish, live, spec, self._clock.wall_ns())
            line = record.lines[-1]
            state = LineState(await self._reader.state(record.id, line.parent)) if line.parent else None
            journal = JournalRecord(
                kind="retrain.started",
                actor=actor,
                reason=wish.reason,
                line=line.number,
                previous=line.parent,
                facts={"automatic": wish.automatic, "since_ns": line.since_ns},
            )
            change = Change(record, journal=(journal,))
            await self._catalogue.commit(model, change, *([live] if line.parent else []))
            reach("retrain.after-start")
            model.states[line.number] = state or LineState.empty()
        self._hub.model_changed(model.name)
        return record.retrains[-1]

    async def _live(self, model: Model) -> Manifest:
        live = model.channel(LIVE)
        if not live.version:
            raise NotReady(f"channel {LIVE} of {model.name}", "it has no version yet")
        return await self._catalogue.manifest(model, live.version)

    async def _finish(
        self, model: Model, line: int, epoch: int, wanted: RetrainState, outcome: str
    ) -> Retrain:
        if wanted is RetrainState.TOOK_OVER:
            return await self._take_over(model, line, epoch, outcome)
        return await self._end(model, line, wanted, outcome, epoch, "trainer")

    async def _take_over(self, model: Model, line: int, epoch: int, outcome: str) -> Retrain:
        async with model.lock:
            decisions.check_runner(model.record, line, epoch)
            live = await self._live(model)
            record, moved = decisions.taken_over(
                model.record, line, live.line, outcome, self._clock.wall_ns()
            )
            manifest = await self._catalogue.manifest(model, moved.channel.version)
            reach("retrain.before-take-over")
            journal = JournalRecord(
                kind="retrain.took_over",
                actor="trainer",
                reason=outcome,
                line=line,
                channel=LIVE,
                version=manifest.version,
                previous=moved.previous.version,
                facts={"closed_line": moved.closed_line},
            )
            change = Change(record, good=manifest.version, journal=(journal,))
            await self._catalogue.commit(model, change, manifest)
            reach("retrain.after-take-over")
            model.mark_good(manifest.version)
            if moved.closed_line:
                model.states.pop(moved.closed_line, None)
        if moved.closed_line:
            self._sessions.line_closed(model, moved.closed_line)
        self._hub.model_changed(model.name)
        self._hub.channel_moved(model.name, LIVE, CANDIDATE)
        log.info(
            "a retrain took over",
            model=model.name,
            line=line,
            closed_line=moved.closed_line,
            version=moved.channel.version,
            outcome=outcome,
        )
        return self._seen(model, decisions.found(model.record, line))

    async def _end(
        self,
        model: Model,
        line: int,
        state: RetrainState,
        outcome: str,
        epoch: int | None = None,
        actor: str = "server",
    ) -> Retrain:
        async with model.lock:
            if epoch is not None:
                decisions.check_runner(model.record, line, epoch)
            one = decisions.found(model.record, line)
            if one.state is not RetrainState.RUNNING:
                return self._seen(model, one)
            ended = decisions.ended(model.record, line, state, outcome, self._clock.wall_ns())
            journal = JournalRecord(kind=f"retrain.{state.value}", actor=actor, reason=outcome, line=line)
            await self._catalogue.commit(model, Change(ended.record, journal=(journal,)))
            reach("retrain.after-end")
            model.states.pop(line, None)
        self._sessions.line_closed(model, line)
        self._hub.model_changed(model.name)
        log.info("a retrain ended", model=model.name, line=line, state=state.value, outcome=outcome)
        return self._seen(model, ended.retrain)

    def _spec(self, model: Model, line: int) -> ModelSpec:
        return parse_spec(model.specs[model.line(line).spec_sha])

    def _seen(self, model: Model, one: RetrainRecord) -> Retrain:
        return self._reports.onto(decisions.as_retrain(model.record, one), model.line(one.line).epoch)
