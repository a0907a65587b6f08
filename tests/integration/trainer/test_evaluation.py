"""What a trainer reports of its line, through a real parameter server."""

from __future__ import annotations

import math

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
