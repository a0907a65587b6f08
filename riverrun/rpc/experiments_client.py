"""Experiments as callers see them: our types in and out, our errors raised."""

from __future__ import annotations

import grpc

from riverrun.api.experiments.v1 import experiments_pb2 as pb
from riverrun.api.experiments.v1 import experiments_pb2_grpc as pb_grpc
from riverrun.core.experiments import Experiment
from riverrun.rpc.experiment_converters import experiment_from_pb, experiment_to_pb
from riverrun.rpc.params_client import translated


class ExperimentsClient:
    """Calls of `ExperimentService` of one parameter server; every call has a deadline.

    Raises what the server raised, `Unavailable` when it cannot be reached in time. Calls may be repeated.
    """

    def __init__(self, channel: grpc.aio.Channel, *, deadline_s: float = 10.0) -> None:
        self._stub = pb_grpc.ExperimentServiceStub(channel)
        self._deadline_s = deadline_s

    async def start(self, model: str, plan: Experiment, *, reason: str = "") -> Experiment:
        """Begin `plan`; the experiment as it runs."""
        request = pb.StartRequest(model=model, experiment=experiment_to_pb(plan), reason=reason)
        with translated():
            answer = await self._stub.Start(request, timeout=self._deadline_s)
        return experiment_from_pb(answer.experiment)

    async def get(self, model: str, name: str = "") -> Experiment:
        """One experiment, the newest by default."""
        with translated():
            answer = await self._stub.Get(pb.GetRequest(model=model, name=name), timeout=self._deadline_s)
        return experiment_from_pb(answer.experiment)

    async def list(self, model: str) -> list[Experiment]:
        """The experiments of a model that are kept, newest first."""
        with translated():
            answer = await self._stub.List(pb.ListRequest(model=model), timeout=self._deadline_s)
        return list(map(experiment_from_pb, answer.experiments))

    async def stop(self, model: str, name: str, *, reason: str = "") -> Experiment:
        """End an experiment; how it ended."""
        request = pb.StopRequest(model=model, name=name, reason=reason)
        with translated():
            answer = await self._stub.Stop(request, timeout=self._deadline_s)
        return experiment_from_pb(answer.experiment)

    async def stop_arm(
        self, model: str, name: str, arm: str, *, reason: str, by_guardrail: bool = False
    ) -> Experiment:
        """Stop one arm; the experiment without it. `by_guardrail`: nobody asks by hand, for the record."""
        request = pb.StopArmRequest(model=model, name=name, arm=arm, reason=reason, by_guardrail=by_guardrail)
        with translated():
            answer = await self._stub.StopArm(request, timeout=self._deadline_s)
        return experiment_from_pb(answer.experiment)

    async def promote(self, model: str, name: str, arm: str, *, reason: str = "") -> Experiment:
        """End an experiment with a winner; how it ended."""
        request = pb.PromoteRequest(model=model, name=name, arm=arm, reason=reason)
        with translated():
            answer = await self._stub.Promote(request, timeout=self._deadline_s)
        return experiment_from_pb(answer.experiment)
