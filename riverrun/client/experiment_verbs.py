"""Experiments: which arm answers which keys, what came of it, and who wins."""

from __future__ import annotations

from collections.abc import Sequence

from riverrun.client.answers import ExperimentStatus
from riverrun.client.steering_verbs import SteeringVerbs
from riverrun.core.errors import NotFound, NotReady
from riverrun.core.experiments import Arm, Experiment, Guardrail, Pace
from riverrun.core.spec.quantities import format_duration
from riverrun.rpc.experiments_client import ExperimentsClient


class ExperimentVerbs(SteeringVerbs):
    """Start, look at, and end experiments. A model runs one at a time."""

    async def start_experiment(
        self,
        model: str,
        name: str,
        arms: Sequence[Arm],
        *,
        guardrails: Sequence[Guardrail] = (),
        alpha: float = 0.05,
        scale: float = 0.0,
        reason: str = "",
    ) -> Experiment:
        """Answer keys by `arms` from now on, the first being the control; the experiment as it runs.

        The model's spec must join labels (`label.window`). `alpha` is the chance at most that a comparison or
        guardrail is ever wrong. `scale` goes with regression: the error that counts one half. The same again
        changes nothing. Raises `InvalidInput` naming the field, `NotFound`, `NotReady`, `AlreadyExists`.
        """
        plan = Experiment(name, tuple(arms), tuple(guardrails), alpha, scale)
        return await self._experiments().start(model, plan, reason=reason)

    async def experiments(self, model: str) -> list[Experiment]:
        """The experiments of `model`, newest first: the one that runs, and those that ended last."""
        return await self._experiments().list(model)

    async def experiment(self, model: str, name: str = "") -> ExperimentStatus:
        """One experiment, the newest by default, with what it has come to. Raises `NotFound`."""
        experiment = await self._experiments().get(model, name)
        try:
            report = await self.evaluation(model)
        except (NotFound, NotReady):
            return ExperimentStatus(model, experiment, None)
        found = next((one for one in report.experiments if one.name == experiment.name), None)
        return ExperimentStatus(model, experiment, found)

    async def stop_experiment(self, model: str, name: str, *, reason: str = "") -> Experiment:
        """End an experiment: every key is answered by live again. Raises `NotFound`."""
        return await self._experiments().stop(model, name, reason=reason)

    async def stop_arm(self, model: str, name: str, arm: str, *, reason: str) -> Experiment:
        """Stop one arm: its keys are answered by live, the others stay where they are. Raises `NotFound`."""
        return await self._experiments().stop_arm(model, name, arm, reason=reason)

    async def promote_arm(self, model: str, name: str, arm: str, *, reason: str = "") -> Experiment:
        """End an experiment with a winner: live goes where that arm is, and stays so.

        It follows the line that the arm's channel follows, or is held at its version. Where an arm that moves
        once each interval wins, serving processes take new weights at that interval from now on: the policy
        `sync` of the spec is set so first. Raises `NotFound`, `InvalidInput` where the experiment has ended
        otherwise or the arm was stopped.
        """
        experiment = await self._experiments().get(model, name)
        winner = experiment.arm(arm)
        if winner is not None and winner.pace is Pace.EVERY and experiment.is_running:
            interval = {"sync.mode": "interval", "sync.interval": format_duration(winner.every_s)}
            await self.set_policies(model, {"sync.min_interval": None, "sync.version": None} | interval)
        return await self._experiments().promote(model, name, arm, reason=reason)

    def _experiments(self) -> ExperimentsClient:
        self._client()
        return ExperimentsClient(self._channel, deadline_s=self._timeout_s)
