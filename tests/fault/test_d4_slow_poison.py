"""D4: a few labels turned round in one place are told of, and no source drags the model beyond its share."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from riverrun.core.errors import NotReady
from riverrun.core.evaluation_report import EvaluationReport
from riverrun.core.events import LoggedEvent, NewEvent, Stream
from tests.fault.harness import ledger
from tests.fault.harness.oracle import Problem
from tests.fault.harness.process import Setup
from tests.fault.harness.trainer import TrainerRig
from tests.fault.mutants.table import Mutant, of_row

SHOPS = [f"s{number}" for number in range(10)]
FLOODING = "s3"
OVER, MOST = 200, 40
"""A fifth of two hundred."""

CAP = f"sources: {{feature: shop, share: 20%, over: {OVER}}}\n"
COUNTING = ledger.spec().replace("{id: category}", "{id: category, shop: category}") + CAP

LEARNING = f"""\
name: {ledger.MODEL}
task: binary
model: [{{compose.Select: [a, b, c]}}, preprocessing.StandardScaler, linear_model.LogisticRegression]
features: {{a: float, b: float, c: float, shop: category}}
metrics: [LogLoss]
publish: {{every_events: 100, every: 200ms}}
"""
"""The model knows nothing of shops, so what is wrong in one cannot be learned as its own."""

LOT = 500
WITHIN_S = 120.0


async def flooded(folder: Path, seed: int, events: int, kills: int, patch: str = "") -> list[Problem]:
    """Have one shop send three of five events, kill the trainer as often, and judge what was learned."""
    draw = random.Random(seed)
    shops = [FLOODING if draw.random() < 0.6 else draw.choice(SHOPS) for _ in range(events)]
    every_letter = Setup(environment={"RIVERRUN_PARAM_SERVER_KEEP_DEAD_LETTERS": str(events)})
    async with TrainerRig(folder, every_letter).running() as rig:
        await rig.register(COUNTING)
        for part in range(kills + 1):
            trainer = rig.trainer(Setup(mutant=patch))
            start, end = (events * n // (kills + 1) for n in (part, part + 1))
            for first in range(start, end, LOT):
                lot = [_counted(n, shops[n]) for n in range(first, min(first + LOT, end))]
                await rig.log.append(ledger.MODEL, Stream.EXAMPLES, lot)
                # The trainer is killed while it learns, but for the last.
                await ledger.reached(rig.client, first + (len(lot) if end == events else 1))
            if part < kills:
                trainer.kill()
        learned = await ledger.counts(rig.client, await ledger.reached(rig.client, events))
        logged = await ledger.logged(rig.log)
        letters = await ledger.logged(rig.log, Stream.DEAD_LETTERS)
    return _judged(logged, dict(zip((f"e{n}" for n in range(events)), shops, strict=True)), learned, letters)


def _counted(number: int, shop: str) -> NewEvent:
    body = {"features": {"id": f"e{number}", "shop": shop}, "label": 1e9}
    return NewEvent(f"e{number}", json.dumps(body).encode())


def _judged(
    logged: Sequence[LoggedEvent],
    shops: dict[str, str],
    counts: dict[str, float] | Any,
    letters: Sequence[LoggedEvent],
) -> list[Problem]:
    set_aside = Counter(one.event_id.rpartition(":")[2] for one in letters)
    problems = []
    for one in logged:
        times = (counts.get(one.event_id, 0), set_aside[str(one.offset)])
        if sorted(times) != [0, 1]:
            problems.append(
                Problem("not-once", f"{one.event_id} learned {times[0]}, set aside {times[1]} times")
            )
    problems += [
        Problem("honest-refused", one.event_id)
        for one in letters
        if shops[logged[int(one.event_id.rpartition(":")[2])].event_id] != FLOODING
    ]
    learned = [shops[one.event_id] for one in logged if counts.get(one.event_id)]
    for start in range(max(1, len(learned) - OVER + 1)):
        shop, most = Counter(learned[start : start + OVER]).most_common(1)[0]
        if most > MOST:
            problems.append(Problem("over-share", f"{shop} {most} times from the {start}th learned"))
    return problems


@pytest.mark.row("D4")
async def test_a_source_that_floods_the_stream_has_its_share_and_no_more(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    events, kills = (20_000, 10) if release else (3_000, 2)

    problems = await flooded(folder, seed, events, kills)

    figures |= {"events": events, "kill -9": kills, "seed": seed, "broken promises": len(problems)}
    assert not problems, problems[:5]


@pytest.mark.row("mutants")
@pytest.mark.parametrize("mutant", of_row("D4"), ids=str)
async def test_a_flood_catches(mutant: Mutant, folder: Path, seed: int, figures: dict[str, Any]) -> None:
    problems = await flooded(folder, seed, 1_500, 1, mutant.patch)

    figures |= mutant.caught([one.kind for one in problems], "a flood and a kill -9")
    assert figures["caught as"]


def rows(count: int, draw: random.Random) -> list[tuple[dict[str, Any], bool]]:
    """Examples with a rule behind them, from all shops alike."""
    made = []
    for _ in range(count):
        features: dict[str, Any] = {name: draw.gauss(0, 3) for name in "abc"}
        label = features["a"] - 2 * features["b"] + draw.gauss(0, 1) > 0
        made.append((features | {"shop": draw.choice(SHOPS)}, label))
    return made


async def fed(rig: TrainerRig, examples: Sequence[tuple[dict[str, Any], bool]], start: int = 0) -> None:
    """Append `examples` as events from `start` on, and wait until they are in a version."""
    for first in range(0, len(examples), LOT):
        lot = [
            NewEvent(f"e{n}", json.dumps({"features": row, "label": label}).encode())
            for n, (row, label) in enumerate(examples[first : first + LOT], start + first)
        ]
        await rig.log.append(ledger.MODEL, Stream.EXAMPLES, lot)
    await ledger.reached(rig.client, start + len(examples))


async def reported(rig: TrainerRig, examples: int) -> EvaluationReport:
    """The evaluation, once so many examples are in it."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                found = await rig.client.get_evaluation(ledger.MODEL)
                if found.newest.examples >= examples:
                    return found
            except NotReady:
                pass
            await asyncio.sleep(0.05)


@pytest.mark.row("D4")
async def test_labels_turned_round_in_one_shop_are_told_within_ten_windows(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    """A window is a hundred examples; one label in twenty is wrong, all of them of one shop."""
    draw = random.Random(seed)
    clean = 20_000 if release else 2_000
    examples = rows(clean + 1_000, draw)
    for number in range(clean, len(examples)):
        row, label = examples[number]
        if row["shop"] == FLOODING and draw.random() < 0.5:
            examples[number] = (row, not label)
    told_after = 0
    async with TrainerRig(folder).running() as rig:
        await rig.register(LEARNING + "slices: [shop]\n")
        rig.trainer()
        await fed(rig, examples[:clean])
        before = [one.value for one in (await reported(rig, clean)).slices if one.worse]
        worse: list[str] = []
        while not worse and told_after < 10:
            start = clean + 100 * told_after
            told_after += 1
            await fed(rig, examples[start : start + 100], start)
            worse = [one.value for one in (await reported(rig, start + 100)).slices if one.worse]

    figures |= {"clean examples": clean, "seed": seed, "told after windows": told_after}
    assert (before, worse) == ([], [FLOODING])


@pytest.mark.row("D4")
async def test_a_flood_of_wrong_labels_leaves_the_model_as_good_as_without_it(
    folder: Path, seed: int, figures: dict[str, Any]
) -> None:
    draw = random.Random(seed)
    clean, unseen = rows(1_500, draw), rows(2_000, draw)
    flood = [(row | {"shop": FLOODING}, not label) for row, label in rows(3_000, draw)]
    mixed = clean + flood
    draw.shuffle(mixed)
    accuracy = {}
    for name, spec, examples in (
        ("clean", LEARNING, clean),
        ("capped", LEARNING + CAP.replace("20%", "10%"), mixed),
        ("not capped", LEARNING, mixed),
    ):
        (folder / name).mkdir()
        async with TrainerRig(folder / name).running() as rig:
            await rig.register(spec)
            rig.trainer()
            await fed(rig, examples)
            head = await ledger.reached(rig.client, len(examples))
            model = await ledger.model_of(rig.client, head, spec)
        right = sum(model.predict_one(row) == label for row, label in unseen)
        accuracy[name] = round(right / len(unseen), 3)

    figures |= {
        "wrong labels a right one": 2,
        "seed": seed,
        **{f"accuracy, {n}": a for n, a in accuracy.items()},
    }
    assert accuracy["capped"] >= accuracy["clean"] - 0.01
    assert accuracy["not capped"] < 0.5
