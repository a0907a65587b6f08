"""Drift that a line's trainer finds is told, recorded once, and starts a retrain where the spec says so.

What a retrain then does is tested with retrains.
"""

from __future__ import annotations

import contextlib

import pytest

from riverrun.core.errors import NotReady
from riverrun.core.evaluation_report import EvaluationReport, decode_report
from riverrun.core.events import Stream
from riverrun.core.journal import JournalRecord
from riverrun.core.retraining import RetrainState
from riverrun.rpc.channels import open_channel
from riverrun.rpc.retrain_client import RetrainClient
from tests.integration.trainer.trainer_stack import (
    SPEC,
    eventually,
    killed_trainer,
    param_server,
    rows,
    trainer,
)

DRIFT = (
    SPEC
    + "drift: [{detector: ADWIN, name: error}, {detector: ADWIN, on: a}]\n"
    + "publish: {every_events: 50, every: 200ms}\n"
)
RETRAIN = DRIFT + "retrain: {when: [{drift: error, since_drift: true}], cool_down: 0s}\n"


@pytest.fixture(autouse=True)
def looks_often(monkeypatch):
    monkeypatch.setattr("riverrun_trainer.retrain_starter.LOOK_EVERY_S", 0.05)


def turned(examples):
    """The same rows with the labels the other way round."""
    return [(features, not label) for features, label in examples]


async def report_at(stack, examples: int) -> EvaluationReport:
    """What is reported once so many examples are learned."""

    async def told() -> bool:
        with contextlib.suppress(NotReady):
            return (await _report(stack)).newest.examples == examples
        return False

    await eventually(told)
    return await _report(stack)


async def _report(stack) -> EvaluationReport:
    return decode_report((await stack.server.server.evaluations.newest("toy")).body)


async def found(stack) -> list[JournalRecord]:
    records = await stack.server.server.keeping.records("toy", 100, 0)
    return [record for record in records if record.kind == "drift.found"]


async def test_a_drift_is_reported_and_recorded_once_however_often_it_is_learned(tmp_path):
    async with param_server(tmp_path) as stack:
        await stack.client.register_model(DRIFT)
        await stack.feed(rows(600))
        await stack.feed(turned(rows(400, seed=8)), start=600)

        async def recorded() -> bool:
            return bool(await found(stack))

        async with trainer(stack.address):
            head = await stack.position(1_000)
            await eventually(recorded)
            before = await report_at(stack, 1_000)
        # Learned again from the first version, by a trainer that is killed on its way and by another one.
        line = await stack.client.reset("toy", 1, replay=True)
        await killed_trainer(
            stack.address, stack.wait_for(lambda head: head.line == line.number and head.examples >= 750)
        )
        async with trainer(stack.address):
            again = await stack.wait_for(lambda head: head.line == line.number and head.examples == 1_000)
            after = await report_at(stack, 1_000)

            # A report is there a moment before what it found is in the record.
            async def recorded_again() -> bool:
                return any(one.line == line.number for one in await found(stack))

            await eventually(recorded_again)

        error, a = before.drift
        assert (error.name, error.found, a.name, a.found) == ("error", 1, "ADWIN-a", 0)
        assert 600 < error.last_value < 800
        # Detectors go back and forth with the weights: what is found is as it was, and so are all bytes.
        assert after.drift == before.drift
        assert again.trainer_root == head.trainer_root
        (first, *others) = reversed(await found(stack))
        assert (first.line, first.facts["detector"], first.facts["value"]) == (1, "error", error.last_value)
        assert [one.line for one in others] == [line.number]


async def test_a_drift_starts_one_retrain_which_leaves_out_what_was_before(tmp_path):
    async with param_server(tmp_path) as stack, open_channel(stack.address) as channel:
        retrains = RetrainClient(channel)
        await stack.client.register_model(RETRAIN)

        async def started() -> bool:
            return bool(await retrains.list("toy"))

        async with trainer(stack.address):
            await stack.feed(rows(600))
            await stack.position(600)
            assert not await started()
            await stack.feed(turned(rows(400, seed=8)), start=600)
            await eventually(started)
            (first,) = await retrains.list("toy")
            await stack.position(1_000)
        # A trainer that starts again knows that it was started.
        await retrains.cancel("toy")
        async with trainer(stack.address):
            await stack.feed(rows(50, seed=9), start=1_000)
            await stack.position(1_050)
            report = await report_at(stack, 1_050)
        assert len(await retrains.list("toy")) == 1
        events = [
            event
            async for batch in stack.log.read("toy", Stream.EXAMPLES, {0: 0}, follow=False)
            for event in batch
        ]

    assert (first.state, first.automatic, first.reason) == (RetrainState.RUNNING, True, "drift by error")
    at = events[report.drift[0].last_value - 1]
    assert abs(first.since_ns - at.time_ns) < 2_000
    assert len(events) == 1_050


async def test_triggers_can_be_changed_while_it_learns(tmp_path):
    async with param_server(tmp_path) as stack, open_channel(stack.address) as channel:
        retrains = RetrainClient(channel)
        await stack.client.register_model(SPEC)

        async def started() -> bool:
            return bool(await retrains.list("toy"))

        async with trainer(stack.address):
            await stack.feed(rows(100))
            await stack.position(100)
            await stack.client.register_model(SPEC + "retrain: {when: [{examples: 150}]}\n")
            await stack.feed(rows(100, seed=3), start=100)
            await eventually(started)

        (first,) = await retrains.list("toy")
        assert first.reason == "150 examples"
