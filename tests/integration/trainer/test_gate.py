"""The gate through a real parameter server and a real trainer: what a stretch of wrong labels does to live.

The windows and detectors themselves are in tests/unit/evaluation/gate.
"""

from __future__ import annotations

import pytest

from riverrun.codec.wire import decode_side
from riverrun.core.journal import JournalRecord
from riverrun.core.units import SideDelta
from riverrun.core.versions import Channel, ModelInfo
from riverrun.learners.weight_norms import WeightNorms
from tests.integration.trainer.test_joining import letters
from tests.integration.trainer.trainer_stack import (
    SPEC,
    Row,
    Stack,
    eventually,
    plain_loop,
    problem_of,
    rows,
    trainer,
    with_publish,
)

PUBLISH = "{every_events: 20, every: 20ms}"
CLEAN, FLIPPED, AFTER = 1200, 600, 1200


def gated(gate: str) -> str:
    return with_publish(PUBLISH, f"{SPEC}gate: {gate}\n")


def flipped(examples: list[Row]) -> list[Row]:
    return [(features, not label) for features, label in examples]


async def records(stack: Stack, kind: str) -> list[JournalRecord]:
    return [one for one in await stack.client.list_records("toy", limit=1000) if one.kind == kind]


async def model(stack: Stack) -> ModelInfo:
    (found,) = await stack.client.list_models()
    return found


async def channel(stack: Stack, name: str = "live") -> Channel | None:
    return (await model(stack)).channel(name)


async def fed(stack: Stack, examples: list[Row], start: int) -> None:
    """Feed `examples`, whose first is number `start`, and wait until they are learned."""
    await stack.feed(examples, start=start)

    async def learned() -> bool:
        lines = [line for line in (await model(stack)).lines if not line.closed]
        heads = [await stack.client.get_version("toy", line.head) for line in lines if line.head]
        return any(head.positions_of_examples >= start + len(examples) for head in map(At, heads))

    await eventually(learned, within_s=60)


class At:
    def __init__(self, manifest) -> None:
        self.positions_of_examples = sum(
            offset
            for stream, offsets in manifest.positions.items()
            if stream.value == "examples"
            for offset in offsets.values()
        )


EXAMPLES = rows(CLEAN + FLIPPED + AFTER)


@pytest.mark.parametrize("mode", ["shadow", "enforce"])
async def test_wrong_labels_hold_live_at_a_good_version_until_labels_agree_again(
    stack: Stack, mode: str
) -> None:
    await stack.client.register_model(gated(f"{{mode: {mode}, window: 200, on_refusal: continue}}"))
    async with trainer(stack.address):
        await fed(stack, EXAMPLES[:CLEAN], 0)
        await fed(stack, flipped(EXAMPLES[CLEAN : CLEAN + FLIPPED]), CLEAN)

        (contradicted,) = await records(stack, "gate.contradicted")
        held = await channel(stack)
        good = contradicted.facts["good_version"]
        during = await stack.client.get_version("toy", held.version)
        assert held.version == good
        assert during.good
        assert during.examples <= CLEAN + 40
        assert held.held or mode == "enforce"
        first, last = contradicted.facts["first"], contradicted.facts["last"]
        assert CLEAN - 20 <= first["offset"] <= last["offset"] <= CLEAN + 200

        await fed(stack, EXAMPLES[CLEAN + FLIPPED :], CLEAN + FLIPPED)
        await eventually(lambda: has_passed(stack), within_s=60)

    after = await channel(stack)
    assert after.follows == 1
    assert after.version > good
    assert [one.actor for one in await records(stack, "gate.calmed")] == ["trainer"]


async def has_passed(stack: Stack) -> bool:
    return bool(await records(stack, "gate.passed"))


async def error(stack: Stack, examples: list[Row]) -> float:
    """The share of `examples` that live answers wrongly."""
    predictor = await stack.predictor()
    return sum(predictor.predict(features).value != label for features, label in examples) / len(examples)


async def test_without_a_gate_live_is_what_the_wrong_labels_made_of_it(stack: Stack) -> None:
    await stack.client.register_model(gated("{mode: off}"))
    async with trainer(stack.address):
        await fed(stack, EXAMPLES[:CLEAN], 0)
        before = await error(stack, EXAMPLES[-500:])
        await fed(stack, flipped(EXAMPLES[CLEAN : CLEAN + FLIPPED]), CLEAN)

    assert before < 0.15
    assert await error(stack, EXAMPLES[-500:]) > 0.5
    assert not await records(stack, "gate.contradicted")


@pytest.mark.parametrize("mode", ["shadow", "enforce"])
async def test_learning_goes_back_to_the_good_version_and_is_as_good_as_if_nothing_had_been(
    stack: Stack, mode: str
) -> None:
    clean = plain_loop(EXAMPLES[:CLEAN] + EXAMPLES[CLEAN + FLIPPED :])
    expected = sum(clean.predict(row).value != label for row, label in EXAMPLES[-500:]) / 500
    await stack.client.register_model(gated(f"{{mode: {mode}, window: 200}}"))
    async with trainer(stack.address):
        await fed(stack, EXAMPLES[:CLEAN], 0)
        await fed(stack, flipped(EXAMPLES[CLEAN : CLEAN + FLIPPED]), CLEAN)
        assert await error(stack, EXAMPLES[-500:]) < expected + 0.02
        await fed(stack, EXAMPLES[CLEAN + FLIPPED :], CLEAN + FLIPPED)
        await eventually(lambda: has_reset(stack), within_s=60)
        await fed(stack, rows(600, seed=8), CLEAN + FLIPPED + AFTER)

    (refused,) = await records(stack, "gate.refused")
    (reset,) = await records(stack, "learning.reset")
    assert reset.actor == "trainer"
    assert reset.version == refused.facts["good_version"]
    live = await channel(stack)
    assert live.follows == reset.line
    assert await error(stack, EXAMPLES[-500:]) < expected + 0.01


async def has_reset(stack: Stack) -> bool:
    return bool(await records(stack, "learning.reset"))


async def test_a_hold_by_hand_outlives_every_version_that_passes(stack: Stack) -> None:
    await stack.client.register_model(gated("{mode: shadow, window: 200}"))
    async with trainer(stack.address):
        await fed(stack, EXAMPLES[:400], 0)
        await stack.client.set_channel("toy", "live", hold_here=True, reason="by hand")
        held = await channel(stack)
        await fed(stack, EXAMPLES[400:CLEAN], 400)

    assert await channel(stack) == held
    assert (await stack.client.get_version("toy", held.version + 1)).version == held.version + 1


async def test_live_is_rolled_back_once_its_metric_leaves_the_bound_and_comes_back_by_itself(
    stack: Stack,
) -> None:
    bound = "rollback: {metric: LogLoss, above: 0.6, over: 100, windows: 2}"
    await stack.client.register_model(gated(f"{{mode: off, {bound}}}"))
    async with trainer(stack.address):
        await fed(stack, EXAMPLES[:CLEAN], 0)
        # Labels that nothing could learn: half of them are turned round, by turns.
        noise = [(row, label != bool(i % 2)) for i, (row, label) in enumerate(EXAMPLES[CLEAN:1800])]
        await fed(stack, noise, CLEAN)
        (rolled,) = await records(stack, "live.rolled-back")
        held = await channel(stack)
        assert held.held
        assert rolled.facts["live"] == {"version": held.version, "held": True}
        assert (await stack.client.get_version("toy", held.version)).examples <= CLEAN

        await fed(stack, EXAMPLES[1800:], 1800)
        await eventually(lambda: has_passed(stack), within_s=60)

    assert (await channel(stack)).follows == 1


REGRESSION = """
name: toy
task: regression
model: [preprocessing.StandardScaler, linear_model.LinearRegression]
features: {a: float, b: float, c: float}
metrics: [MAE]
publish: {every_events: 20, every: 20ms}
"""


def numbers(count: int) -> list[Row]:
    return [(row, row["a"] - row["b"]) for row, _ in rows(count)]


async def test_a_label_that_makes_the_weights_explode_is_set_aside_and_its_version_never_seen(
    stack: Stack,
) -> None:
    await stack.client.register_model(REGRESSION)
    examples = numbers(300)
    examples[150] = (examples[150][0], 1e300)
    async with trainer(stack.address):
        await stack.feed(examples)
        await stack.position(300)

    ((_, offset, reason),) = await letters(stack)
    assert offset == 150
    assert reason.startswith("the weights moved by")
    assert {one.actor for one in await records(stack, "gate.out-of-bounds")} == {"trainer"}
    for manifest in await stack.client.list_versions("toy", limit=1000):
        pulled = await stack.client.pull("toy", version=manifest.version)
        units = decode_side(pulled.serving, max_bytes=1 << 30).changed
        assert WeightNorms().change(SideDelta(units)).norm < 1e4


async def test_with_continue_nothing_is_pushed_out_of_bounds_and_the_model_says_why(stack: Stack) -> None:
    spec = REGRESSION + "gate: {on_refusal: continue, bounds: {norm: 1000}}\n"
    await stack.client.register_model(spec)
    examples = numbers(100)
    async with trainer(stack.address):
        await stack.feed(examples)
        before = await stack.position(100)
        await stack.feed([(examples[0][0], 1e9)], start=100)
        await stack.feed(numbers(100), start=101)
        await eventually(lambda: says_why(stack))

        assert (await stack.head()).version == before.version
        assert await letters(stack) == []


async def says_why(stack: Stack) -> bool:
    return "out of their bounds: the norm of the weights" in await problem_of(stack)
