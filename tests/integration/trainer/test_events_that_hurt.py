"""Events that break a model, a log that let go of events or lost them, and mini-batches in PyTorch."""

import asyncio
import json
import math

import pytest
from riverrun_trainer import publish_pace

from riverrun.core.events import LoggedEvent, NewEvent, OffsetRange, Stream
from riverrun.core.spec import parse_spec
from riverrun.learners.build import build_learner
from tests.integration.trainer.trainer_stack import (
    SPEC,
    event,
    eventually,
    killed_trainer,
    offset_of,
    problem_of,
    rows,
    trainer,
)

REGRESSION = """
name: toy
task: regression
model:
  - linear_model.LinearRegression: {optimizer: {optim.SGD: {lr: 0.1}}, clip_gradient: 1.0e+300}
features: {x: float}
publish: {every: 100ms}
"""

MLP = """
name: toy
task: binary
learner: torch
model: {mlp: {hidden: [8], optimizer: {Adam: {lr: 0.01}}, batch: 8}}
features: {a: float, b: float, c: float}
"""


def number(name: str, x: float, label: float) -> NewEvent:
    return NewEvent(name, json.dumps({"features": {"x": x}, "label": label}).encode())


async def dead_letters(stack) -> list[LoggedEvent]:
    return [e async for batch in stack.log.read("toy", Stream.DEAD_LETTERS, {}, follow=False) for e in batch]


async def test_an_example_that_breaks_the_model_is_set_aside_and_nothing_broken_is_published(stack):
    await stack.client.register_model(REGRESSION)
    good = [number(f"e{n}", n / 100, n / 50) for n in range(60)]
    broken = number("broken", 1e200, 1e308)
    async with trainer(stack.address):
        await stack.wait_for(lambda head: head.version == 1)

        await stack.log.append("toy", Stream.EXAMPLES, [*good[:30], broken, *good[30:]])
        head = await stack.position(61)

    assert head.examples == 60
    assert [letter.event_id for letter in await dead_letters(stack)] == ["dlq:examples:30"]
    served = await stack.predictor(REGRESSION)
    plain = build_learner(parse_spec(REGRESSION))
    for e in good:
        body = json.loads(e.body)
        plain.learn([body["features"]], [body["label"]], [1.0])
    answer = served.predict({"x": 0.5})
    assert answer == plain.predict({"x": 0.5})
    assert math.isfinite(answer.value)


async def test_events_that_are_set_aside_alone_move_the_durable_position(stack, monkeypatch):
    monkeypatch.setattr(publish_pace, "PASSED_S", 0.2)
    await stack.client.register_model(SPEC)
    bad = [NewEvent(f"bad{n}", b'{"features": {}}') for n in range(30)]
    async with trainer(stack.address):
        first = await stack.wait_for(lambda head: head.version == 1)
        await stack.log.append("toy", Stream.EXAMPLES, bad)
        passed = await stack.position(30)

    async with trainer(stack.address):
        await stack.feed(rows(3))
        learned = await stack.position(33)

    assert (passed.examples, passed.serving_root) == (0, first.serving_root)
    assert learned.examples == 3
    assert len(await dead_letters(stack)) == 30


async def test_events_that_expired_unlearned_are_recorded_as_skipped(stack):
    await stack.client.register_model(SPEC)
    async with trainer(stack.address):
        await stack.feed(rows(10))
        await stack.position(10)
    await stack.feed(rows(10, seed=2), start=10)
    await stack.log.trim("toy", Stream.EXAMPLES, {0: 15})

    async with trainer(stack.address):
        head = await stack.position(20)

    versions = await stack.client.list_versions("toy", limit=100)
    assert [r for v in versions for r in v.skipped] == [OffsetRange(Stream.EXAMPLES, 0, 10, 15)]
    assert head.examples == 15


async def test_a_log_that_ends_before_the_position_stops_learning_and_says_so(stack):
    await stack.client.register_model(SPEC)
    async with trainer(stack.address):
        await stack.feed(rows(10))
        before = await stack.position(10)
    stream = stack.server.event_log.streams.opened("toy", Stream.EXAMPLES)
    stream.tail.end = 5
    stream.tail._events.clear()

    async with trainer(stack.address):

        async def says_so() -> bool:
            return "ends at 5" in await problem_of(stack)

        await eventually(says_so)

    assert (await stack.head()) == before


@pytest.mark.parametrize("kills", [0, 2])
async def test_mini_batches_are_the_same_whatever_the_interleaving(stack, kills):
    pytest.importorskip("torch")
    await stack.client.register_model(MLP)
    examples = rows(100)
    fed = 0
    for _ in range(kills):
        await stack.feed(examples[fed : fed + 27], start=fed)
        fed += 27
        # Killed with an unfinished batch: 27 is no multiple of 8.
        await killed_trainer(stack.address, stack.position(fed - fed % 8))
    async with trainer(stack.address):
        for start in range(fed, 100, 9):
            await stack.feed(examples[start : start + 9], start=start)
            await asyncio.sleep(0.01)
        head = await stack.position(96)

    plain = build_learner(parse_spec(MLP))
    for start in range(0, 96, 8):
        batch = examples[start : start + 8]
        plain.learn([features for features, _ in batch], [label for _, label in batch], [1.0] * 8)
    served = await stack.predictor(MLP)
    probe = {"a": 0.3, "b": -1.2, "c": 2.0}
    assert (head.examples, offset_of(head)) == (96, 96)
    assert served.predict(probe).probabilities == pytest.approx(plain.predict(probe).probabilities, abs=1e-6)


async def test_ids_are_remembered_as_long_as_a_label_may_be_late(stack):
    horizon_s = stack.server.event_log._horizon_s
    await stack.client.register_model(SPEC)
    usual = horizon_s("toy")

    await stack.client.register_model(SPEC + "label: {window: 72h}\n")

    assert usual == 86_400
    assert horizon_s("toy") == 3 * 86_400


async def test_an_event_learned_before_is_not_appended_again(stack):
    await stack.client.register_model(SPEC)
    [row] = rows(1)
    async with trainer(stack.address):
        for _ in range(3):
            await stack.log.append("toy", Stream.EXAMPLES, [event(1, row)])
        head = await stack.position(1)

    assert head.examples == 1
