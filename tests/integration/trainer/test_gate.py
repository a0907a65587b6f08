"""The gate through a real parameter server and a real trainer: what a stretch of wrong labels does to live.

The windows and detectors themselves are in tests/unit/evaluation/gate.
"""

from __future__ import annotations

import pytest

from riverrun.core.journal import JournalRecord
from riverrun.core.versions import Channel, ModelInfo
from tests.integration.trainer.trainer_stack import SPEC, Row, Stack, eventually, rows, trainer, with_publish

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
