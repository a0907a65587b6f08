"""D6: an event that kills whoever learns it is set aside, and the rest is learned."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from pathlib import Path
from typing import Any

import pytest

from riverrun.client import AsyncClient
from riverrun.core.events import LoggedEvent, Stream
from riverrun.core.versions import Manifest
from tests.fault.harness import ledger
from tests.fault.harness.liveness import http_port, watched
from tests.fault.harness.memory_cgroup import MemoryLimit
from tests.fault.harness.process import Setup
from tests.fault.harness.trainer import TrainerProcess, TrainerRig
from tests.fault.test_b7_dead_work import BLOATS, HANGS, LIMIT_BYTES, SPEC, example

RAISES, DIES = "raises", "ends the process"
HARM = {RAISES: 1, HANGS: 2, BLOATS: 3, DIES: 4}
SILENT_S = 3.0
"""A trainer that is silent for so long is killed: a tenth of what a supervisor waits, as the lease is."""

BUSY_SILENT_S, NEVER_SILENT_S = 12.0, 120.0
"""The same on a machine that does other things besides, and where no event makes a trainer silent."""

TRIES = 3
GOES_ON_S = 30.0


async def outlived(trainer: TrainerProcess, rig: TrainerRig, events: int) -> bool:
    """Whether the line gets to the end while `trainer` lives."""
    while trainer.running:
        head = await ledger.head(rig.client)
        if head is not None and ledger.offset_of(head) >= events:
            return True
        await asyncio.sleep(0.02)
    return False


async def started(trainer: TrainerProcess) -> float:
    """Seconds until a trainer is up: how long that takes is the machine's matter."""
    while trainer.running and not http_port(trainer):
        await asyncio.sleep(0.02)
    return time.monotonic() - trainer.started


async def deaths_until_learned(
    rig: TrainerRig, kind: str, events: int, *, most: int = TRIES, release: bool = False
) -> tuple[int, float]:
    """Start one trainer after the other until all is learned; how many died of it, and seconds in starts."""
    deaths, starting_s = 0, 0.0
    busy_s = BUSY_SILENT_S if kind == HANGS else NEVER_SILENT_S
    with MemoryLimit(LIMIT_BYTES) if kind == BLOATS else contextlib.nullcontext() as limit:
        while True:
            trainer = rig.trainer(Setup(environment={"HARM_HANGS_S": "60"}))
            if limit is not None:
                limit.add(trainer.pid)
            starting_s += await started(trainer)
            async with watched(trainer, SILENT_S if release else busy_s):
                if await outlived(trainer, rig, events):
                    trainer.kill()
                    return deaths, starting_s
            deaths += 1
            assert deaths <= most, "the event goes on killing"


async def letters_of(rig: TrainerRig) -> list[dict[str, Any]]:
    """The dead letters, oldest first."""
    letters: list[LoggedEvent] = await ledger.logged(rig.log, Stream.DEAD_LETTERS)
    return [json.loads(letter.body) for letter in letters]


async def replayed_twice(rig: TrainerRig, events: int) -> Manifest:
    """The version that a trainer which nothing harms comes to, after the letters were replayed twice."""
    rig.trainer(Setup(environment={"HARM_NEVER": "1"}))
    async with AsyncClient(server=rig.link.address) as client:
        replays = [await client.replay_dead_letters(ledger.MODEL) for _ in range(2)]
    assert [len(replay.replayed) for replay in replays] == [1, 0]
    assert [len(replay.before) for replay in replays] == [0, 1]
    return await ledger.reached(rig.client, events + 1)


@pytest.mark.row("D6")
@pytest.mark.parametrize("kind", [RAISES, HANGS, pytest.param(BLOATS, marks=pytest.mark.needs("memory"))])
async def test_a_poisoned_event_is_set_aside_where_it(
    kind: str, folder: Path, release: bool, figures: dict[str, Any]
) -> None:
    events, poisoned = 20, 10
    async with TrainerRig(folder).running() as rig:
        await rig.register(SPEC)
        await rig.log.append(
            ledger.MODEL,
            Stream.EXAMPLES,
            [example(n, HARM[kind] if n == poisoned else 0.0) for n in range(events)],
        )
        began = time.monotonic()
        deaths, starting_s = await deaths_until_learned(rig, kind, events, release=release)
        took_s = time.monotonic() - began
        head = await ledger.head(rig.client)
        letters = await letters_of(rig)
        again = await replayed_twice(rig, events)

    figures |= {
        "trainers that died of it": deaths,
        "until the rest was learned, s": round(took_s, 1),
        "of it starts of processes, s": round(starting_s, 1),
    }
    assert head is not None
    assert head.examples == events - 1
    assert [letter["offset"] for letter in letters] == [poisoned]
    assert letters[0]["reason"]
    assert deaths == (0 if kind == RAISES else TRIES)
    # A machine that does nothing else is asked for this at release size.
    if release:
        assert took_s - starting_s <= GOES_ON_S
    assert (again.examples, ledger.offset_of(again)) == (events, events + 1)


@pytest.mark.row("D6")
async def test_no_event_costs_a_fourth_trainer_however_far_the_last_version(
    folder: Path, figures: dict[str, Any]
) -> None:
    """Hundreds of events lie between the last version and the event: nobody knows which it was."""
    events, poisoned = 400, (90, 300)
    async with TrainerRig(folder).running() as rig:
        await rig.register(SPEC.replace("every_events: 1", "every_events: 5000"))
        await rig.log.append(
            ledger.MODEL,
            Stream.EXAMPLES,
            [example(n, HARM[DIES] if n in poisoned else 0.0) for n in range(events)],
        )
        deaths, _ = await deaths_until_learned(rig, DIES, events, most=TRIES * len(poisoned))
        head = await ledger.head(rig.client)
        letters = await letters_of(rig)

    figures |= {"events that kill": len(poisoned), "trainers that died of them": deaths}
    assert head is not None
    assert head.examples == events - len(poisoned)
    assert [letter["offset"] for letter in letters] == list(poisoned)
