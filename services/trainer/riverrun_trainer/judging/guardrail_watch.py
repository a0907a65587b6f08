"""Arms that break a guardrail are stopped, by themselves."""

from __future__ import annotations

import asyncio

import structlog

from riverrun.core.errors import RiverrunError
from riverrun.rpc.experiments_client import ExperimentsClient
from riverrun_trainer.judging.experiment_judge import ArmBreach, ExperimentJudge

LOOK_EVERY_S = 0.5

log = structlog.get_logger()


class GuardrailWatch:
    """Asks the parameter server to stop the arms that `judge` names, again until it says that they are."""

    def __init__(self, model: str, judge: ExperimentJudge, client: ExperimentsClient) -> None:
        self._model = model
        self._judge = judge
        self._client = client

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for broken in self._judge.breaches():
                await self._stop(broken)

    async def _stop(self, broken: ArmBreach) -> None:
        arm, reason = broken.breach
        try:
            await self._client.stop_arm(self._model, broken.experiment, arm, reason=reason, by_guardrail=True)
        except RiverrunError as error:
            log.warning("an arm could not be stopped", model=self._model, arm=arm, reason=str(error))
        else:
            log.info(
                "a guardrail stopped an arm",
                model=self._model,
                experiment=broken.experiment,
                arm=arm,
                reason=reason,
            )
