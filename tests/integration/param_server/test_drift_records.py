"""Drifts that trainers report stand in the record of their model, each once, also across a restart."""

from __future__ import annotations

from riverrun_param_server.settings import ParamServerSettings

from riverrun.core.evaluation_report import DriftReport, EvaluationReport, Scored
from riverrun.rpc.channels import open_channel
from riverrun.rpc.retrain_client import RetrainClient
from riverrun.rpc.trainer_session import open_session
from tests.integration.param_server.param_stack import SPEC, Stack, Units, a_push, change, stack_over


def report(line: int, **found_at_ns: int) -> EvaluationReport:
    """Each named detector found a drift at an example of that time; 0: none."""
    drift = tuple(
        DriftReport(name=name, on="error", values=9, found=int(at > 0), last_value=5, last_ns=at)
        for name, at in found_at_ns.items()
    )
    return EvaluationReport(model="flights", line=line, time_ns=1, newest=Scored(examples=9), drift=drift)


async def recorded(stack: Stack) -> list[tuple[int, str, int]]:
    """Line, detector and time of each drift in the record, oldest first."""
    records = await stack.running.server.keeping.records("flights", 100, 0)
    drifts = [one for one in reversed(records) if one.kind == "drift.found"]
    return [(one.line, one.facts["detector"], one.facts["example_ns"]) for one in drifts]


async def test_each_drift_is_recorded_once_also_across_a_restart(settings: ParamServerSettings) -> None:
    async with stack_over(settings) as stack:
        await stack.client.register_model(SPEC)
        drifts = stack.running.server.drift_records
        await drifts.take("flights", 1, report(1, a=0, b=0))
        assert await recorded(stack) == []
        for _ in range(2):
            await drifts.take("flights", 1, report(1, a=50, b=0))
        await drifts.take("flights", 1, report(1, a=50, b=70))
    async with stack_over(settings) as stack:
        drifts = stack.running.server.drift_records
        # A trainer that went back finds an older one again.
        for at in (50, 40, 90):
            await drifts.take("flights", 1, report(1, a=at, b=70))

        assert await recorded(stack) == [(1, "a", 50), (1, "b", 70), (1, "a", 90)]


async def test_what_a_retrain_meets_in_history_is_not_recorded(settings: ParamServerSettings) -> None:
    async with stack_over(settings) as stack, open_channel(f"127.0.0.1:{stack.running.port}") as channel:
        await stack.client.register_model(SPEC)
        async with open_session(stack.client, "flights", 1, "t") as session:
            push = a_push(Units(), base=0, epoch=session.opened.epoch, serving=change(0, to=b"1"))
            await stack.client.push(push)
        retrain = await RetrainClient(channel).start("flights")
        drifts = stack.running.server.drift_records

        await drifts.take("flights", retrain.line, report(retrain.line, a=50))
        await drifts.take("flights", retrain.line, report(retrain.line, a=retrain.started_ns + 1))

        assert await recorded(stack) == [(retrain.line, "a", retrain.started_ns + 1)]
