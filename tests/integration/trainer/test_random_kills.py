"""Trainers dropped at random moments, some twenty times in a row; the seed is printed by the test's name."""

import asyncio
import contextlib
import random

import pytest

from riverrun.core.events import Stream
from tests.integration.trainer.trainer_stack import (
    killed_trainer,
    plain_loop,
    rows,
    trainer,
    with_publish,
)

EXAMPLES = 3000
POLICIES = ["{continuous: true, budget: 100%}", "{every_events: 7}", "{every: 30ms}"]


@pytest.mark.full
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("seed", [1, 26])
async def test_any_interleaving_of_kills_learns_each_example_once(stack, policy, seed):
    draw = random.Random(seed)
    examples = rows(EXAMPLES)
    await stack.client.register_model(with_publish(policy))
    fed = kills = 0

    async def feed() -> None:
        at = fed
        while at < EXAMPLES:
            lot = examples[at : at + draw.randint(1, 40)]
            await stack.feed(lot, start=at)
            at += len(lot)
            await asyncio.sleep(draw.uniform(0, 0.02))

    while fed < EXAMPLES:
        feeding = asyncio.create_task(feed())
        await killed_trainer(stack.address, asyncio.sleep(draw.uniform(0.02, 0.3)))
        kills += 1
        feeding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await feeding
        # A lot that was on its way may have arrived or not.
        fed = (await stack.log.end("toy", Stream.EXAMPLES))[0]
    await stack.client.register_model(with_publish("{continuous: true}"))
    async with trainer(stack.address):
        head = await stack.position(EXAMPLES, within_s=60)

    plain, served = plain_loop(examples), await stack.predictor()
    assert kills >= 5
    assert head.examples == EXAMPLES
    assert dict(head.metrics) == dict(plain.metrics())
    assert await stack.log.end("toy", Stream.DEAD_LETTERS) == {0: 0}
    for features, _ in rows(20, seed=9):
        assert served.predict(features).probabilities == plain.predict(features).probabilities
