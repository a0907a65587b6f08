"""Versions with rounded weights, pushed, stored and pulled; the trainer goes on from exact ones."""

import random

import pytest

from riverrun.codec.wire import decode_side
from riverrun.core.spec import parse_spec
from riverrun.core.units import State
from riverrun.learners.build import restore_learner
from tests.integration.trainer.trainer_stack import eventually, plain_loop, trainer

SPEC = """
name: toy
task: binary
model: [linear_model.LogisticRegression]
metrics: [LogLoss]
publish: {every_events: 20, every: 200ms, precision: PRECISION}
"""
PROBE = {f"h{number}": 0.1 for number in range(0, 300, 5)}


def spec(precision):
    return SPEC.replace("PRECISION", precision)


def rows(count):
    source = random.Random(5)
    return [
        ({f"h{source.randrange(300)}": source.random() for _ in range(20)}, source.random() < 0.5)
        for _ in range(count)
    ]


async def pulled(stack):
    """The head's state, and the bytes of its serving side."""
    head = await stack.head()
    version = await stack.client.pull("toy", version=head.version, trainer_state=True, max_bytes=1 << 30)
    serving, trainers = (decode_side(side, max_bytes=1 << 30) for side in (version.serving, version.trainer))
    return State(serving.changed, trainers.changed, head.next_unit), len(version.serving)


async def epoch_of(stack):
    (model,) = await stack.client.list_models()
    return model.lines[0].epoch


async def is_past(stack, epoch):
    return await epoch_of(stack) > epoch


async def test_a_trainer_that_comes_back_goes_on_from_exact_weights(stack):
    await stack.client.register_model(spec("bf16"))
    examples = rows(400)
    async with trainer(stack.address):
        await stack.feed(examples[:200])
        await stack.position(200)

    async with trainer(stack.address):
        await stack.feed(examples[200:], start=200)
        await stack.position(400)

    state, _ = await pulled(stack)
    exact = plain_loop(examples, spec("exact")).predict(PROBE)
    served = (await stack.predictor(spec("bf16"))).predict(PROBE)
    assert restore_learner(parse_spec(spec("bf16")), state).predict(PROBE) == exact
    assert served != exact
    assert served.probabilities[True] == pytest.approx(exact.probabilities[True], abs=2e-3)


async def test_another_precision_takes_effect_while_everything_runs(stack):
    await stack.client.register_model(spec("exact"))
    examples = rows(300)
    sizes = {}
    async with trainer(stack.address):
        for i, precision in enumerate(("exact", "int8", "bf16", "exact")):
            epoch = await epoch_of(stack)
            await stack.client.register_model(spec(precision))
            if i > 0:
                # Only the next session takes it up; what came before that would be learned in the old one.
                await eventually(lambda before=epoch: is_past(stack, before))
            await stack.feed(examples[i * 60 : (i + 1) * 60], start=i * 60)
            await stack.position((i + 1) * 60)
            state, size = await pulled(stack)
            sizes[i] = size
            rounded = not state.serving.keys().isdisjoint(state.trainer)
            assert rounded == (precision != "exact")

    served = (await stack.predictor(spec("exact"))).predict(PROBE)
    assert served == plain_loop(examples[:240], spec("exact")).predict(PROBE)
    assert sizes[1] < sizes[2] < sizes[3] / 2
