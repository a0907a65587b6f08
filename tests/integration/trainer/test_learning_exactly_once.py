"""Every example is learned exactly once, in order, whatever happens to the trainer.

Kills of real processes are in `test_trainer_is_killed.py`.
"""

import pytest

from riverrun.core.events import NewEvent, Stream
from tests.integration.trainer.test_evaluation import report
from tests.integration.trainer.trainer_stack import (
    SPEC,
    killed_trainer,
    offset_of,
    plain_loop,
    rows,
    trainer,
    with_publish,
)

PROBE = {"a": 0.3, "b": -1.2, "c": 2.0}


async def test_an_untrained_version_1_is_published_first(stack):
    await stack.client.register_model(SPEC)

    async with trainer(stack.address):
        first = await stack.wait_for(lambda head: head.version == 1)

    assert first.examples == 0
    assert (await stack.predictor()).predict(PROBE).probabilities[True] == 0.5


@pytest.mark.parametrize("policy", ["{continuous: true}", "{every_events: 10}", "{every: 50ms}"])
async def test_what_is_served_equals_a_plain_loop_over_the_same_examples(stack, policy):
    await stack.client.register_model(with_publish(policy))
    examples = rows(505)

    async with trainer(stack.address):
        await stack.feed(examples[:300])
        await stack.position(291)
        await stack.feed(examples[300:], start=300)
        await stack.position(496)
        await stack.client.register_model(with_publish("{continuous: true}"))
        head = await stack.position(505)

    plain = plain_loop(examples)
    served = await stack.predictor()
    assert head.examples == 505
    assert dict(head.metrics) == dict(plain.metrics())
    for features, _ in rows(50, seed=1):
        assert served.predict(features).probabilities == plain.predict(features).probabilities


async def test_a_trainer_that_comes_back_goes_on_from_what_the_version_contains(stack):
    await stack.client.register_model(SPEC)
    examples = rows(600)
    for start in range(0, 600, 100):
        await stack.feed(examples[start : start + 100], start=start)
        half_way = stack.position(start + 50)

        await killed_trainer(stack.address, half_way)

    async with trainer(stack.address):
        head = await stack.position(600)

    assert head.examples == 600
    assert head.epoch >= 6
    plain = plain_loop(examples)
    assert (await stack.predictor()).predict(PROBE) == plain.predict(PROBE)
    assert dict(head.metrics) == dict(plain.metrics())


async def test_a_graceful_stop_publishes_what_was_learned(stack):
    await stack.client.register_model(with_publish("{every: 1h}"))
    examples = rows(20)

    async with trainer(stack.address):
        await stack.wait_for(lambda head: head.version == 1)
        await stack.feed(examples)
        await report(stack, 20)
        before = await stack.head()

    after = await stack.head()
    assert before is not None
    assert after is not None
    assert before.version == 1
    assert (after.version, after.examples, offset_of(after)) == (2, 20, 20)


async def test_bad_events_are_set_aside_with_the_reason_and_cost_nothing_else(stack):
    await stack.client.register_model(SPEC)
    good = rows(4)
    async with trainer(stack.address):
        await stack.feed(good[:2])
        bad = [
            NewEvent("bad-1", b"not json"),
            NewEvent("bad-2", b'{"features": {"a": "high"}, "label": true}'),
        ]
        await stack.log.append("toy", Stream.EXAMPLES, bad)
        await stack.feed(good[2:], start=2)
        head = await stack.position(6)

    letters = [
        letter
        async for batch in stack.log.read("toy", Stream.DEAD_LETTERS, {}, follow=False)
        for letter in batch
    ]
    assert [letter.event_id for letter in letters] == ["dlq:examples:2", "dlq:examples:3"]
    assert b"features.a" in letters[1].body
    assert head.examples == 4
    assert (await stack.predictor()).predict(PROBE) == plain_loop(good).predict(PROBE)


async def test_arrivals_and_watermark_travel_with_the_version(stack):
    await stack.client.register_model(SPEC)
    async with trainer(stack.address):
        await stack.wait_for(lambda head: head.version == 1)
        await stack.log.append(
            "toy",
            Stream.EXAMPLES,
            [NewEvent("e", b'{"features": {"a": 1}, "label": true}', time_ns=1_700_000_000 * 10**9)],
        )
        head = await stack.position(1)

    batch = [e async for events in stack.log.read("toy", Stream.EXAMPLES, {}, follow=False) for e in events]
    assert head.arrivals.oldest_ns == head.arrivals.newest_ns == batch[0].received_ns
    assert head.watermark_ns == 1_700_000_000 * 10**9
