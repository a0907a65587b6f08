"""D8: who goes back to an older version and learns again comes to the weights of who never went back."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from riverrun.core.events import NewEvent, Stream
from riverrun.core.versions import Manifest
from tests.fault.harness import ledger
from tests.fault.harness.oracle import Problem
from tests.fault.harness.process import Setup
from tests.fault.harness.trainer import TrainerRig
from tests.fault.mutants.table import Mutant, of_row
from tests.fault.test_b8_replay import FEATURES, SPECS, bodies

LAST = 20
EVERY = 24
"""Events between two versions: whole mini-batches of the network."""

BESIDE = f"""\
drift: [{{detector: ADWIN}}, {{detector: KSWIN, on: a, every: 5}}]
publish: {{every_events: {EVERY}, every: 200ms}}
"""
"""Detectors are part of what a trainer goes on from."""

WITHIN_S = 120.0


async def learned(rig: TrainerRig, line: int, events: int) -> Manifest:
    """The newest version of `line`, once it contains so many events."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            newest = await ledger.head(rig.client)
            if newest is not None and newest.line == line and ledger.offset_of(newest) == events:
                return newest
            await asyncio.sleep(0.02)


async def go_back_and_judge(folder: Path, seed: int, kind: str, back: int, patch: str = "") -> list[Problem]:
    """Learn, go back to each of the last `back` versions and to the first, and learn again."""
    lots = LAST + 3
    lines = bodies(lots * EVERY, random.Random(seed)).splitlines()
    problems: list[Problem] = []
    async with TrainerRig(folder).running() as rig:
        await rig.register(f"name: {ledger.MODEL}\ntask: binary\n{SPECS[kind]}{FEATURES}{BESIDE}")
        rig.trainer(Setup(mutant=patch))
        for lot in range(lots):
            events = [NewEvent(f"e{lot}-{n}", body) for n, body in enumerate(lines[lot * EVERY :][:EVERY])]
            await rig.log.append(ledger.MODEL, Stream.EXAMPLES, events)
            await learned(rig, 1, (lot + 1) * EVERY)
        versions = await rig.client.list_versions(ledger.MODEL, limit=1_000)
        newest = versions[0]
        for version in [*versions[1 : back + 1], versions[-1]]:
            line = await rig.client.reset(ledger.MODEL, version.version, replay=True)
            again = await learned(rig, line.number, len(lines))
            what = f"from version {version.version}, at event {ledger.offset_of(version)}"
            if (again.serving_root, again.trainer_root) != (newest.serving_root, newest.trainer_root):
                problems.append(Problem("other-weights", what))
            if again.examples != len(lines):
                problems.append(Problem("miscounted", f"{what}: {again.examples} examples"))
    assert len(versions) > LAST
    return problems


@pytest.mark.row("D8")
@pytest.mark.parametrize("kind", ["linear", "torch"])
async def test_from_each_of_the_last_versions_the_weights_are_the_same(
    kind: str, folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    back = LAST if release or kind == "linear" else 5

    problems = await go_back_and_judge(folder, seed, kind, back)

    figures |= {"versions gone back to": back + 1, "seed": seed, "other weights": len(problems)}
    assert not problems, problems[:5]


@pytest.mark.row("mutants")
@pytest.mark.parametrize("mutant", of_row("D8"), ids=str)
async def test_going_back_catches(mutant: Mutant, folder: Path, seed: int, figures: dict[str, Any]) -> None:
    problems = await go_back_and_judge(folder, seed, "linear", 2, mutant.patch)

    figures |= mutant.caught([one.kind for one in problems], "3 x a reset")
    assert figures["caught as"]
