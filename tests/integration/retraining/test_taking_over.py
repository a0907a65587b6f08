"""A retrain from its start to what it comes to: the process that runs it, and the trainer that goes on.

Who starts that process is shown elsewhere, as are processes that are killed.
"""

from __future__ import annotations

import asyncio

import pytest
from riverrun_trainer.retraining.runner import RetrainRunner

from riverrun.core.retraining import RetrainPhase, RetrainState
from tests.integration.retraining.retrain_stack import (
    CHANGED,
    FORGETS_NOTHING,
    WRONG,
    Retraining,
    examples,
    has_ended,
    retrain_process,
)

SPEC = FORGETS_NOTHING + "retrain: {take_over: {examples: 100}}\n"


async def test_a_better_one_takes_over_and_each_example_counts_once(retraining: Retraining) -> None:
    stream = examples(6_000)
    await retraining.stack.client.register_model(SPEC)
    await retraining.feed(stream[:1_500])
    await retraining.stack.position(1_500)
    started = await retraining.retrains.start("toy", "labels came right", since=CHANGED)

    async with retrain_process(retraining.stack.address, started.line) as process:
        retrain = await retraining.fed_until(stream[1_500:5_000], has_ended)
        assert retrain.state is RetrainState.TOOK_OVER, retrain
        # It ends by itself: the trainer goes on with the line.
        await asyncio.wait_for(process, 60)

    await retraining.feed(stream[len(retraining.fed) : len(retraining.fed) + 200])
    await retraining.assert_learned_once(started.line, retraining.fed[WRONG:], SPEC)
    [info] = await retraining.stack.client.list_models()
    assert [(line.number, line.closed) for line in info.lines] == [(1, True), (2, False)]
    live = info.channel("live")
    assert live is not None
    assert live.follows == started.line


async def test_its_process_has_done_its_work_also_where_the_catalogue_says_so_late(
    retraining: Retraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(RetrainRunner, "_until_over", never)
    stream = examples(6_000)
    await retraining.stack.client.register_model(SPEC)
    await retraining.feed(stream[:1_500])
    await retraining.stack.position(1_500)
    started = await retraining.retrains.start("toy", since=CHANGED)

    async with retrain_process(retraining.stack.address, started.line) as process:
        retrain = await retraining.fed_until(stream[1_500:5_000], has_ended)
        # Not by `NotFinished`, upon which it would be started again.
        await asyncio.wait_for(process, 60)

    assert retrain.state is RetrainState.TOOK_OVER, retrain


async def test_a_worse_one_is_given_up_and_live_untouched(retraining: Retraining) -> None:
    stream = [(features, not label) for features, label in examples(6_000, wrong=0)]
    right = examples(6_000, wrong=0)
    await retraining.stack.client.register_model(SPEC)
    # Live has learned what is right, then some that is wrong; the retrain learns the wrong alone.
    await retraining.feed(right[:WRONG] + stream[WRONG : WRONG + 150])
    before = await retraining.stack.position(WRONG + 150)
    started = await retraining.retrains.start("toy", since=CHANGED)

    async with retrain_process(retraining.stack.address, started.line) as process:
        await retraining.until(lambda one: one.progress is not None)
        retrain = await retraining.fed_until(right[WRONG + 150 :], has_ended)
        await asyncio.wait_for(process, 60)

    assert retrain.state is RetrainState.ABANDONED
    assert "mean loss +" in retrain.outcome
    [info] = await retraining.stack.client.list_models()
    assert [(line.number, line.closed) for line in info.lines] == [(1, False), (2, True)]
    head = await retraining.head_of(1)
    assert head is not None
    assert (head.line, head.epoch) == (before.line, before.epoch)


async def test_one_that_is_cancelled_ends_its_process(retraining: Retraining) -> None:
    stream = examples(1_600)
    await retraining.stack.client.register_model(SPEC)
    await retraining.feed(stream)
    await retraining.stack.position(1_600)
    started = await retraining.retrains.start("toy")

    async with retrain_process(retraining.stack.address, started.line) as process:
        compared = await retraining.until(
            lambda one: one.progress is not None and one.progress.phase is RetrainPhase.COMPARING
        )
        assert compared.progress is not None
        assert (compared.progress.examples, compared.progress.behind) == (1_600, 0)
        await retraining.retrains.cancel("toy")
        await asyncio.wait_for(process, 60)

    await retraining.assert_learned_once(1, stream, SPEC)


async def test_while_live_is_held_it_waits_and_then_takes_over(retraining: Retraining) -> None:
    stream = examples(9_000)
    client = retraining.stack.client
    await client.register_model(SPEC)
    await retraining.feed(stream[:1_500])
    await retraining.stack.position(1_500)
    await client.set_channel("toy", "live", hold_here=True)
    started = await retraining.retrains.start("toy", since=CHANGED)

    async with retrain_process(retraining.stack.address, started.line) as process:
        held = await retraining.fed_until(
            stream[1_500:], lambda one: one.progress is not None and "held" in one.progress.problem
        )
        assert held.progress is not None
        assert held.progress.phase is RetrainPhase.TAKING_OVER
        await client.set_channel("toy", "live", follow=True)
        retrain = await retraining.until(has_ended)
        await asyncio.wait_for(process, 60)

    assert retrain.state is RetrainState.TOOK_OVER
    await retraining.assert_learned_once(started.line, retraining.fed[WRONG:], SPEC)
