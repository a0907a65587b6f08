"""Asks for the retrains that are due. The parameter server says whether one may start, and keeps them."""

from __future__ import annotations

import asyncio
import datetime

import structlog

from riverrun.core.errors import AlreadyExists, Exhausted, RiverrunError
from riverrun.core.versions import LIVE
from riverrun.evaluation.triggers import Due
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.retrain_client import RetrainClient
from riverrun.runtime import metrics
from riverrun_trainer.judging.trigger_judge import TriggerJudge
from riverrun_trainer.learning import Learning

LOOK_EVERY_S = 2.0

log = structlog.get_logger()


class RetrainStarter:
    """Looks every `LOOK_EVERY_S`, for as long as the session of `line` lives.

    What is due and may not start, because of a cool-down, a budget or one that is under way, is asked for
    again until it may, or is due no more.
    """

    def __init__(
        self,
        model: str,
        line: int,
        learning: Learning,
        triggers: TriggerJudge,
        client: ParameterClient,
        retrains: RetrainClient,
    ) -> None:
        self._model = model
        self._line = line
        self._learning = learning
        self._triggers = triggers
        self._client = client
        self._retrains = retrains
        self._refused = ""

    async def run(self) -> None:
        """Look for ever; a task of the session."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Start the retrain that is due, if one is and may."""
        due = self._triggers.due(self._learning.progress.examples, self._learning.metrics())
        if due is None:
            return
        try:
            outcome = await self._ask(due)
        except (AlreadyExists, Exhausted) as error:
            outcome = "refused"
            if due.reason != self._refused:
                log.info(
                    "a retrain is due and must wait", model=self._model, why=due.reason, reason=str(error)
                )
            self._refused = due.reason
        except RiverrunError as error:
            outcome = "failed"
            log.warning("a retrain could not be asked for", model=self._model, reason=str(error))
        if outcome:
            metrics.RETRAINS_ASKED.labels(self._model, outcome).inc()

    async def _ask(self, due: Due) -> str:
        """What came of it; empty where it need not be asked for."""
        models = {model.name: model for model in await self._client.list_models()}
        channels = models[self._model].channels if self._model in models else ()
        if not any(one.name == LIVE and one.follows == self._line for one in channels):
            # Of a line that callers hear nothing of no other one is made.
            return ""
        newest = next(iter(await self._retrains.list(self._model)), None)
        if newest is not None and newest.started_ns > self._triggers.since_ns:
            # One that somebody else started, or this trainer before it was restarted.
            self._triggers.count_from(newest.started_ns, self._learning.progress.examples)
            return ""
        since = None
        if due.since_ns:
            since = datetime.datetime.fromtimestamp(due.since_ns / 1e9, datetime.UTC)
        started = await self._retrains.start(self._model, due.reason, automatic=True, since=since)
        self._triggers.count_from(started.started_ns, self._learning.progress.examples)
        self._refused = ""
        log.info("a trigger started a retrain", model=self._model, why=due.reason, line=started.line)
        return "started"
