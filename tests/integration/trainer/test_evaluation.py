"""What a trainer reports of its line, through a real parameter server."""

from __future__ import annotations

import math
import random

import pytest

from riverrun.core.errors import NotReady
from riverrun.core.evaluation_report import EvaluationReport
from riverrun.core.events import Stream
from tests.integration.trainer.test_joining import SERVED, joining, labels, predictions
from tests.integration.trainer.trainer_stack import SPEC, Stack, eventually, plain_loop, rows, trainer

LOG = {label: math.log(share) for label, share in (SERVED.probabilities or {}).items()}


async def report(stack: Stack, examples: int) -> EvaluationReport:
    """The report, once that many examples are in it."""
    found: list[EvaluationReport] = []

    async def reported() -> bool:
        try:
            found.append(await stack.client.get_evaluation("toy"))
        except NotReady:
            return False
        return found[-1].newest.examples >= examples

    await eventually(reported)
    return found[-1]


async def test_nothing_is_reported_before_a_trainer_comes(stack: Stack) -> None:
    await stack.client.register_model(SPEC)

    with pytest.raises(NotReady, match="no trainer"):
        await stack.client.get_evaluation("toy")


async def test_examples_with_features_are_judged_by_the_newest_weights_alone(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    examples = rows(60)

    async with trainer(stack.address):
        await stack.feed(examples)
        found = await report(stack, 60)

    assert (found.model, found.line, found.served) == ("toy", 1, None)
    assert found.newest.metrics == plain_loop(examples).metrics()
    assert found.time_ns > 0


async def test_served_answers_are_judged_beside_those_of_the_newest_weights(stack: Stack) -> None:
    await stack.client.register_model(joining("{window: 1h}"))
    examples = rows(40)

    async with trainer(stack.address):
        await stack.log.append("toy", Stream.PREDICTIONS, predictions(examples))
        await stack.log.append("toy", Stream.LABELS, labels(examples))
        found = await report(stack, 40)

    assert found.served is not None
    assert (found.served.examples, found.served.version) == (40, 1)
    # Every answer was the same, whatever came of it.
    positive = sum(label for _, label in examples) / 40
    expected = -positive * LOG[True] - (1 - positive) * LOG[False]
    assert found.served.metrics["LogLoss"] == pytest.approx(expected)
    assert found.newest.metrics["LogLoss"] < found.served.metrics["LogLoss"]


SLICED = """
name: toy
task: binary
model: [preprocessing.StandardScaler, linear_model.LogisticRegression]
features: {a: float, b: float, c: float, shop: category}
metrics: [LogLoss]
publish: {every_events: 20, every: 20ms}
slices: [shop]
"""


async def test_labels_that_are_turned_round_in_one_slice_alone_are_told_by_its_slice(stack: Stack) -> None:
    """D4: 5 % of all labels, all of one shop, are wrong; the slice says so within ten windows of 100."""
    # The model knows nothing of shops, so what is wrong there cannot be learned.
    await stack.client.register_model(
        SLICED.replace("[preprocessing", "[{compose.Select: [a, b, c]}, preprocessing")
    )
    draw = random.Random(1)
    shops = [f"s{number}" for number in range(10)]
    examples = [(row | {"shop": draw.choice(shops)}, label) for row, label in rows(3000)]
    for number, (row, label) in enumerate(examples):
        if number >= 2000 and row["shop"] == "s3" and draw.random() < 0.5:
            examples[number] = (row, not label)
    turned = sum(label != before for (_, label), (_, before) in zip(examples, rows(3000), strict=True))
    assert turned < 0.06 * 1000

    async with trainer(stack.address):
        await stack.feed(examples[:2000])
        before = await report(stack, 2000)
        await stack.feed(examples[2000:], start=2000)
        found = await report(stack, 3000)

    assert not any(one.worse for one in before.slices)
    assert [one.value for one in found.slices if one.worse] == ["s3"]
    assert found.slices[0].value == "s3"


async def test_held_out_examples_are_told_of_and_stay_held_out_over_a_restart(stack: Stack) -> None:
    await stack.client.register_model(SPEC + "holdout: {share: 10%, history: 50, recent: 20}\n")
    async with trainer(stack.address):
        await stack.feed(rows(500))
        await stack.position(500)
    async with trainer(stack.address):
        await stack.feed(rows(500, seed=9), start=500)
        head = await stack.position(1000)
        await eventually(lambda: holds(stack, 1000 - head.examples))

    assert 60 <= 1000 - head.examples <= 140


async def holds(stack: Stack, count: int) -> bool:
    try:
        found = (await stack.client.get_evaluation("toy")).holdout
    except NotReady:
        # The trainer that was started anew has not reported yet.
        return False
    return found is not None and found.held == count and found.history_loss is not None
