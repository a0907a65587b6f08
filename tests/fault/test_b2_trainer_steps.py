"""B2: weights and offsets never disagree, whatever step of the trainer or of a push is the last."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from riverrun.core.events import NewEvent, Stream
from riverrun.runtime import failpoints
from tests.fault.harness import ledger
from tests.fault.harness.oracle import Problem
from tests.fault.harness.process import Setup
from tests.fault.harness.size import in_pieces
from tests.fault.harness.trainer import TrainerRig
from tests.fault.mutants.table import Mutant, of_row
from tests.fault.mutants.trainer_patches import OFFSETS

TRAINER_STEPS = sorted(name for name in failpoints.POINTS if name.startswith("trainer."))
SERVER_STEPS = ("commit.before-write", "commit.after-fsync", "push.after-publish", "push.before-ack")
BAD_EVERY = 50
"""One event in so many cannot be read, and must be set aside once."""


def bad_event(number: int) -> NewEvent:
    """An event without a label."""
    return NewEvent(f"bad-{number}", json.dumps({"features": {"id": f"e{number}"}}).encode())


async def feed_some(rig: TrainerRig, start: int, count: int) -> int:
    """Append `count` events from number `start` on, some of which are bad; the next number."""
    events = [bad_event(n) if n % BAD_EVERY == 7 else ledger.event(n) for n in range(start, start + count)]
    await rig.log.append(ledger.MODEL, Stream.EXAMPLES, events)
    return start + count


async def stop_at_each(
    folder: Path, seed: int, steps: list[str], mutant: str = ""
) -> tuple[Counter[str], list[Problem], int]:
    """End the trainer inside each of `steps`, or the server under it, in random order, over one line.

    How often each was reached, what was wrong with the newest version after any, and the events in all.
    """
    rng = random.Random(seed)
    rng.shuffle(steps)
    reached, problems, fed = Counter[str](), list[Problem](), 0
    environment = {OFFSETS: str(folder / "offsets")}
    async with TrainerRig(folder).running() as rig:
        await rig.register(ledger.spec())
        for step in steps:
            nth = 1 if step.endswith(("restore", "letters")) else rng.randint(2, 5)
            in_trainer = step in TRAINER_STEPS
            if not in_trainer:
                await rig.restart_server(f"{step}:{nth + 1}")
            trainer = rig.trainer(Setup(mutant, f"{step}:{nth}" if in_trainer else "", (), environment))
            victim = trainer if in_trainer else rig.server
            feeding = asyncio.create_task(_keep_feeding(rig, fed))
            try:
                await victim.ended(120)
                reached[step] += victim.process.returncode == failpoints.EXIT_STATUS
            finally:
                feeding.cancel()
                await asyncio.gather(feeding, return_exceptions=True)
            trainer.kill()
            if not in_trainer:
                await rig.restart_server()
            fed = (await rig.log.end(ledger.MODEL, Stream.EXAMPLES))[0]
            problems += await _judged(rig)
            if problems:
                return reached, problems, fed
        rig.trainer(Setup(mutant, environment=environment))
        await ledger.reached(rig.client, fed)
        problems += await _judged(rig)
        letters = [one.event_id for one in await ledger.logged(rig.log, Stream.DEAD_LETTERS)]
        events = await ledger.logged(rig.log)
        bad = {ledger.letter_of(one) for one in events if one.event_id.startswith("bad-")}
        if len(set(letters)) < len(letters) or not bad <= set(letters):
            problems.append(Problem("letters", f"{len(letters)} letters of {len(bad)} bad events"))
    return reached, problems, fed


async def _keep_feeding(rig: TrainerRig, start: int) -> None:
    while True:
        start = await feed_some(rig, start, 10)
        await asyncio.sleep(0.02)


async def _judged(rig: TrainerRig) -> list[Problem]:
    """What is wrong with the line now; events that were set aside change nothing but the position.

    They are the bad ones, and may be one at which three trainers were ended, as if it had been its doing.
    """
    newest = await rig.client.list_versions(ledger.MODEL, limit=1)
    events = [one for one in await ledger.not_set_aside(rig.log) if not one.event_id.startswith("bad-")]
    return await ledger.judge(rig.client, events, newest)


@pytest.mark.row("B2")
@in_pieces(5)
async def test_the_position_is_that_of_the_weights_after_a_stop_in_any_step(
    piece: int, folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    steps = [*TRAINER_STEPS, *SERVER_STEPS] * (5 if release else 1)

    reached, problems, events = await stop_at_each(folder, seed + piece, steps)

    figures |= {
        "steps": len(reached),
        "stops inside a step": reached.total(),
        "seed": seed + piece,
        "events": events,
        "broken promises": len(problems),
    }
    assert not problems, problems[:5]
    assert reached.total() == len(steps)


@pytest.mark.row("mutants")
@pytest.mark.parametrize("mutant", of_row("B2"), ids=str)
async def test_stops_between_steps_catch(
    mutant: Mutant, folder: Path, seed: int, figures: dict[str, Any]
) -> None:
    _, problems, _ = await stop_at_each(folder, seed, ["trainer.after-answer"] * 4, mutant.patch)

    kinds = Counter(one.kind for one in problems)
    figures |= mutant.caught(kinds, "at most 4 x a stop between two steps")
    assert figures["caught as"]
