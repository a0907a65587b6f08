"""Labels by id through a real log and a real trainer: learned with what was served, or set aside on time.

The join's rules, and crashes between any two steps, are in tests/unit/trainer/joining.
"""

from __future__ import annotations

import json
from pathlib import Path

from riverrun.core.events import LoggedEvent, NewEvent, Stream
from riverrun.core.joining_json import encode_label, encode_prediction
from riverrun.core.predictions import Prediction
from riverrun.core.versions import Manifest
from riverrun.runtime.clock import SystemClock
from tests.integration.trainer.trainer_stack import (
    SPEC,
    Row,
    Stack,
    eventually,
    killed_trainer,
    param_server,
    plain_loop,
    problem_of,
    rows,
    trainer,
    with_publish,
)

PROBE = {"a": 0.3, "b": -1.2, "c": 2.0}
SERVED = Prediction(True, {True: 0.6, False: 0.4})


def joining(label: str, publish: str = "{every_events: 5, every: 20ms}") -> str:
    return with_publish(publish, f"{SPEC}label: {label}\n")


def predictions(examples: list[Row], start: int = 0) -> list[NewEvent]:
    """What serving logs, as p0, p1 …"""
    return [
        NewEvent(f"p{start + n}", encode_prediction(features, SERVED, version=1, channel="live"))
        for n, (features, _) in enumerate(examples)
    ]


def labels(examples: list[Row], start: int = 0) -> list[NewEvent]:
    return [
        NewEvent(f"l{start + n}", encode_label(f"p{start + n}", label))
        for n, (_, label) in enumerate(examples)
    ]


async def letters(stack: Stack) -> list[tuple[str, int, str]]:
    """The dead letters: stream, offset and reason."""
    reading = stack.log.read("toy", Stream.DEAD_LETTERS, {}, follow=False)
    found: list[LoggedEvent] = [event async for batch in reading for event in batch]
    facts = [json.loads(event.body) for event in found]
    return [(one["stream"], one["offset"], one["reason"]) for one in facts]


async def examples_of(stack: Stack, count: int) -> Manifest:
    return await stack.wait_for(lambda head: head.examples >= count)


async def test_labels_by_id_are_learned_in_their_order_whichever_half_came_first(stack: Stack) -> None:
    await stack.client.register_model(joining("{window: 1h}"))
    examples = rows(60)

    async with trainer(stack.address):
        await stack.log.append("toy", Stream.PREDICTIONS, predictions(examples[:40]))
        await stack.log.append("toy", Stream.LABELS, labels(examples[:40]))
        await examples_of(stack, 40)
        await stack.log.append("toy", Stream.LABELS, labels(examples[40:], 40))
        await stack.log.append("toy", Stream.PREDICTIONS, predictions(examples[40:], 40))
        head = await examples_of(stack, 60)

    assert head.examples == 60
    assert (await stack.predictor()).predict(PROBE) == plain_loop(examples).predict(PROBE)
    assert await letters(stack) == []


async def test_a_trainer_that_died_is_followed_by_one_that_knows_what_still_waits(stack: Stack) -> None:
    await stack.client.register_model(joining("{window: 1h}"))
    examples = rows(60)
    await stack.log.append("toy", Stream.PREDICTIONS, predictions(examples))
    await stack.log.append("toy", Stream.LABELS, labels(examples[:30]))

    await killed_trainer(stack.address, examples_of(stack, 30))
    await stack.log.append("toy", Stream.LABELS, labels(examples[30:], 30))
    async with trainer(stack.address):
        head = await examples_of(stack, 60)

    assert head.examples == 60
    assert head.positions[Stream.LABELS] == {0: 60}
    assert (await stack.predictor()).predict(PROBE) == plain_loop(examples).predict(PROBE)


async def test_silence_is_a_negative_after_the_window_and_a_label_without_prediction_is_set_aside(
    stack: Stack,
) -> None:
    await stack.client.register_model(joining("{window: 1s, lateness: 0s, silence: negative}"))
    examples = rows(20)

    async with trainer(stack.address):
        await stack.log.append("toy", Stream.PREDICTIONS, predictions(examples))
        await stack.log.append("toy", Stream.LABELS, [NewEvent("x", encode_label("nobody", True))])
        head = await examples_of(stack, 20)
        # Its window ends a little after theirs, and may be found to have a second later.
        await eventually(lambda: letters(stack))

    assert head.examples == 20
    silent = [(features, False) for features, _ in examples]
    assert (await stack.predictor()).predict(PROBE) == plain_loop(silent).predict(PROBE)
    [(stream, offset, reason)] = await letters(stack)
    assert (stream, offset, reason.partition(":")[0]) == ("labels", 0, "unmatched")


class SetWallClock(SystemClock):
    """The time of day as the test says."""

    def __init__(self) -> None:
        self.now_ns = 1_700_000_000 * 10**9

    def wall_ns(self) -> int:
        return self.now_ns


async def test_a_label_that_came_with_its_features_decides_its_prediction(tmp_path: Path) -> None:
    clock = SetWallClock()
    examples = rows(10)
    with_features = [
        NewEvent(f"e{n}", json.dumps({"features": f, "label": y, "prediction_id": f"p{n}"}).encode())
        for n, (f, y) in enumerate(examples)
    ]

    async with param_server(tmp_path / "data", clock=clock) as stack:
        await stack.client.register_model(joining("{window: 1s, lateness: 0s, silence: negative}"))
        async with trainer(stack.address):
            await stack.log.append("toy", Stream.EXAMPLES, with_features)
            clock.now_ns += 1_000_000
            await stack.log.append("toy", Stream.PREDICTIONS, predictions([*examples, *rows(1, seed=9)]))
            clock.now_ns += 2 * 10**9
            head = await examples_of(stack, 11)

        # The one that nobody told anything of is the only silent one.
        assert head.examples == 11
        assert await letters(stack) == []


async def test_a_window_that_is_named_later_takes_effect_while_the_trainer_runs(stack: Stack) -> None:
    await stack.client.register_model(with_publish("{every_events: 5, every: 20ms}"))
    examples = rows(20)

    async with trainer(stack.address):
        await stack.feed(examples[:10])
        await examples_of(stack, 10)
        await stack.client.register_model(joining("{window: 1h}"))
        await stack.log.append("toy", Stream.PREDICTIONS, predictions(examples[10:], 10))
        await stack.log.append("toy", Stream.LABELS, labels(examples[10:], 10))
        await examples_of(stack, 20)

    assert (await stack.predictor()).predict(PROBE) == plain_loop(examples).predict(PROBE)


async def test_early_negatives_are_refused_where_the_model_takes_no_weights(stack: Stack) -> None:
    label = "label: {window: 1h, silence: early_negative}"
    await stack.client.register_model(
        f"{{name: toy, task: binary, model: [naive_bayes.GaussianNB], {label}}}"
    )

    async def says_why() -> bool:
        problem = await problem_of(stack)
        return "label.silence" in problem and "weights" in problem

    async with trainer(stack.address):
        await eventually(says_why)

    assert await stack.head() is None
