"""D1: what is not finite is never learned, and never leaves."""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
from pathlib import Path
from typing import Any

import pytest

from riverrun.core.events import NewEvent, Stream
from tests.fault.harness import ledger
from tests.fault.harness.oracle import Problem
from tests.fault.harness.process import Setup
from tests.fault.harness.trainer import TrainerRig
from tests.fault.mutants.table import Mutant, of_row

SPEC = f"""\
name: {ledger.MODEL}
task: regression
model: [linear_model.LinearRegression]
features: {{a: float, b: float, c: float}}
publish: {{every_events: 20}}
"""

UNREADABLE = ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 400, "true", '"1.0"', "[1]")
"""What no number of an event may be, in its feature, its label or its weight."""

STILL_S, MUTANT_STILL_S = 60.0, 20.0
HARMLESS = ("-0.0", "5e-324", "0", "1e-300")

POISON_EVERY = 2_500
"""One event in so many is finite in all its numbers, and would make a weight infinite."""


def numbered(number: int, rng: random.Random) -> tuple[NewEvent, bool]:
    """The event called `number`, and whether it must be set aside."""
    name, label, weight = rng.choice("abc"), f"{rng.gauss(0, 3):.6g}", "1.0"
    value, bad = f"{rng.gauss(0, 1):.6g}", rng.random() < 0.2
    if number % POISON_EVERY == POISON_EVERY // 2:
        value, label, bad = "1e308", "1e3", True
    elif bad:
        wrong = rng.choice(UNREADABLE)
        where = rng.choice(("feature", "label", "weight"))
        value = wrong if where == "feature" else value
        label = wrong if where == "label" else label
        weight = wrong if where == "weight" else weight
    elif rng.random() < 0.1:
        value = rng.choice(HARMLESS)
    body = f'{{"features": {{"{name}": {value}}}, "label": {label}, "weight": {weight}}}'
    return NewEvent(f"e{number}", body.encode()), bad


async def settled(rig: TrainerRig, count: int, still_s: float) -> None:
    """Return once the line stands at event `count`, or stands still: a mutant may come to a stop over
    weights that nobody can learn with any more."""
    moved, position = time.monotonic(), 0
    while position < count and time.monotonic() < moved + still_s:
        head = await ledger.head(rig.client)
        if head is not None and ledger.offset_of(head) != position:
            moved, position = time.monotonic(), ledger.offset_of(head)
        await asyncio.sleep(0.05)


async def feed_and_judge(
    folder: Path, seed: int, count: int, mutant: str = ""
) -> tuple[list[Problem], dict[str, Any]]:
    """Feed `count` random events; what was wrong, and figures."""
    rng, problems = random.Random(seed), []
    events = [numbered(number, rng) for number in range(count)]
    bad = [f"e{number}" for number, (_, is_bad) in enumerate(events) if is_bad]
    async with TrainerRig(folder).running() as rig:
        await rig.register(SPEC)
        rig.trainer(Setup(mutant))
        for start in range(0, count, 500):
            await rig.log.append(
                ledger.MODEL, Stream.EXAMPLES, [event for event, _ in events[start : start + 500]]
            )
        await ledger.reached(rig.client, 0)
        await settled(rig, count, MUTANT_STILL_S if mutant else STILL_S)
        letters = [json.loads(one.body) for one in await ledger.logged(rig.log, Stream.DEAD_LETTERS)]
        versions = await ledger.all_versions(rig.client)
        head = versions[-1]
        for version in [*rng.sample(versions, min(60, len(versions))), head]:
            weights = (await ledger.model_of(rig.client, version, SPEC)).weights
            if not all(map(math.isfinite, weights.values())):
                problems.append(Problem("not-finite", f"version {version.version}: {dict(weights)}"))
    if sorted(letter["event_id"] for letter in letters) != sorted(bad):
        differ = sorted(set(bad) ^ {letter["event_id"] for letter in letters})
        problems.append(Problem("letters", f"{len(letters)} of {len(bad)}, such as {differ[:5]}"))
    if not all(letter["reason"] and f"e{letter['offset']}" == letter["event_id"] for letter in letters):
        problems.append(Problem("letters", "one without its reason or with another's offset"))
    if head.examples != count - len(bad):
        problems.append(Problem("miscounted", f"{head.examples} examples of {count - len(bad)}"))
    return problems, {
        "events": count,
        "bad events": len(bad),
        "dead letters": len(letters),
        "versions": len(versions),
        "broken promises": len(problems),
    }


@pytest.mark.row("D1")
async def test_what_is_not_finite_is_set_aside(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    problems, found = await feed_and_judge(folder, seed, 10_000)

    figures |= {"seed": seed, **found}
    assert not problems, problems[:5]


@pytest.mark.row("mutants")
@pytest.mark.parametrize("mutant", of_row("D1"), ids=str)
async def test_bad_numbers_catch(mutant: Mutant, folder: Path, seed: int, figures: dict[str, Any]) -> None:
    problems, _ = await feed_and_judge(folder, seed, 3_000, mutant.patch)

    figures |= mutant.caught([one.kind for one in problems], "3,000 events")
    assert figures["caught as"]
