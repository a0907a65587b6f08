"""Experiments of all models: started, ended and moved, each change durable before it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from riverrun.core.errors import NotFound, NotReady, RiverrunError
from riverrun.core.evaluation_report import decode_report
from riverrun.core.experiments import Experiment, Pace
from riverrun.core.spec import parse_spec
from riverrun.core.versions import LIVE
from riverrun.runtime.clock import Clock
from riverrun_param_server.catalogue import Catalogue, Model
from riverrun_param_server.channel_records import NOBODY, By
from riverrun_param_server.channel_targets import ChannelWish
from riverrun_param_server.completion import Completion
from riverrun_param_server.evaluations import Evaluations
from riverrun_param_server.experiments import changes
from riverrun_param_server.experiments.changes import ExperimentChange
from riverrun_param_server.experiments.experiment_records import experiment_record, plan_facts, results_facts
from riverrun_param_server.records import ModelRecord
from riverrun_param_server.steering import AlsoChanged, Steering
from riverrun_param_server.store import Change
from riverrun_param_server.watch_hub import WatchHub

LOOK_EVERY_S = 0.5
"""How often it is looked whether an arm is to be moved: intervals are of a second or more."""

Decide = Callable[[ModelRecord, int], ExperimentChange]
"""What becomes of a model's record at a time, Unix nanoseconds."""

log = structlog.get_logger()


class Experiments:
    """Takes wishes about experiments, one at a time for each model."""

    def __init__(
        self,
        catalogue: Catalogue,
        steering: Steering,
        evaluations: Evaluations,
        hub: WatchHub,
        completion: Completion,
        clock: Clock,
    ) -> None:
        self._catalogue = catalogue
        self._steering = steering
        self._evaluations = evaluations
        self._hub = hub
        self._completion = completion
        self._clock = clock

    def list(self, model_name: str) -> list[Experiment]:
        """The experiments of a model, newest first. Raises `NotFound`."""
        return list(reversed(self._catalogue.get(model_name).record.experiments))

    def get(self, model_name: str, name: str) -> Experiment:
        """One experiment, the newest for the empty text. Raises `NotFound`."""
        return changes.known(self._catalogue.get(model_name).record, name)

    async def start(self, model_name: str, plan: Experiment, by: By = NOBODY) -> Experiment:
        """The experiment as it runs; see `ExperimentService.Start` for what it raises."""
        model = self._catalogue.get(model_name)

        def decide(record: ModelRecord, now_ns: int) -> ExperimentChange:
            return changes.start(record, parse_spec(model.specs[record.spec_sha]), plan, now_ns)

        return await self._change(model, decide, "experiment.started", by, plan_facts(plan))

    async def stop(self, model_name: str, name: str, by: By = NOBODY) -> Experiment:
        """The experiment, ended. Raises `NotFound`."""
        model = self._catalogue.get(model_name)

        def decide(record: ModelRecord, now_ns: int) -> ExperimentChange:
            return changes.end(record, name, now_ns, reason=by.reason)

        return await self._change(model, decide, "experiment.stopped", by, await self._results(model, name))

    async def stop_arm(self, model_name: str, name: str, arm: str, by: By) -> Experiment:
        """The experiment without that arm. Raises `NotFound`."""
        model = self._catalogue.get(model_name)

        def decide(record: ModelRecord, now_ns: int) -> ExperimentChange:
            return changes.stop_arm(record, name, arm, now_ns, reason=by.reason)

        facts = {"arm": arm, **await self._results(model, name)}
        return await self._change(model, decide, "experiment.arm-stopped", by, facts)

    async def promote(self, model_name: str, name: str, arm_name: str, by: By = NOBODY) -> Experiment:
        """The experiment, ended, `live` being where the arm's channel was; see `ExperimentService`."""
        model = self._catalogue.get(model_name)
        experiment, arm = changes.check_winner(model.record, name, arm_name)
        facts = {"arm": arm_name, **await self._results(model, experiment.name)}
        kind = "experiment.won"

        def decide(record: ModelRecord, now_ns: int) -> ExperimentChange:
            changes.check_winner(record, experiment.name, arm_name)
            return changes.end(record, experiment.name, now_ns, reason=by.reason, winner=arm_name)

        def also(record: ModelRecord) -> AlsoChanged:
            change = decide(record, self._clock.wall_ns())
            return change.record, (experiment_record(kind, change.experiment, by, facts),)

        if arm.channel == LIVE or arm.pace is Pace.EVERY or not experiment.is_running:
            return await self._change(model, decide, kind, by, facts)
        channel = model.channel(arm.channel)
        wish = ChannelWish(hold_version=channel.version)
        if channel.follows is not None:
            wish = ChannelWish(follow_line=channel.follows)
        moved_by = By(by.actor, by.reason or f"arm {arm_name} won experiment {experiment.name}")
        await self._steering.set_channel(model_name, LIVE, wish, mark_good=True, by=moved_by, also=also)
        return changes.known(model.record, experiment.name)

    async def work(self) -> None:
        """Move the arms that are due, for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.move_due()

    async def move_due(self) -> None:
        """Move each arm that is due to where `live` is; what cannot be made durable is tried again."""
        for model in self._catalogue.models():
            try:
                await self._completion.run(self._move_due(model))
            except RiverrunError as error:
                log.warning("an arm was not moved", model=model.name, reason=str(error))

    async def _move_due(self, model: Model) -> None:
        experiment = self._due(model)
        if experiment is None:
            return
        async with model.lock:
            experiment = self._due(model)
            if experiment is None:
                return
            record, moved = changes.move_due(model.record, experiment, self._clock.wall_ns())
            live = model.channel(LIVE)
            manifest = await self._catalogue.manifest(model, live.version)
            await self._catalogue.commit(model, Change(record), manifest)
        self._hub.channel_moved(model.name, *moved)

    def _due(self, model: Model) -> Experiment | None:
        running = model.record.running_experiment
        if running is None or not changes.due_moves(running, self._clock.wall_ns()):
            return None
        return running

    async def _change(
        self, model: Model, decide: Decide, kind: str, by: By, facts: Mapping[str, Any]
    ) -> Experiment:
        change = await self._completion.run(self._commit(model, decide, kind, by, facts))
        log.info(
            "an experiment changed",
            model=model.name,
            experiment=change.experiment.name,
            kind=kind,
            caller=by.actor,
            reason=by.reason,
        )
        return change.experiment

    async def _commit(
        self, model: Model, decide: Decide, kind: str, by: By, facts: Mapping[str, Any]
    ) -> ExperimentChange:
        async with model.lock:
            change = decide(model.record, self._clock.wall_ns())
            if change.record == model.record:
                return change
            manifests = []
            if change.made:
                manifests.append(await self._catalogue.manifest(model, model.channel(LIVE).version))
            journal = (experiment_record(kind, change.experiment, by, facts),)
            await self._catalogue.commit(model, Change(change.record, journal=journal), *manifests)
        self._hub.model_changed(model.name)
        self._hub.channel_moved(model.name, *change.made)
        return change

    async def _results(self, model: Model, name: str) -> Mapping[str, Any]:
        """What the experiment had come to, for the record; nothing where no trainer has told."""
        try:
            reported = await self._evaluations.newest(model.name)
        except (NotFound, NotReady):
            return {}
        return results_facts(decode_report(reported.body), changes.known(model.record, name).name)
