"""D6: an event that kills whoever learns it is set aside, and the rest is learned."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from pathlib import Path
from typing import Any

import pytest

from riverrun.core.events import Stream
from tests.fault.harness import ledger
from tests.fault.harness.memory_cgroup import MemoryLimit
from tests.fault.harness.trainer import TrainerProcess, TrainerRig
from tests.fault.test_b7_dead_work import BLOATS, LIMIT_BYTES, SPEC, example

RAISES = "raises"
HARM = {RAISES: 1, BLOATS: 3}
POISONED = 10
STARTS = POISONED + 6
"""Trainers that may die of it: three that learn it on its own, and before them one for each event that the
trainer before still published: only sessions that publish nothing are held against an event."""


async def outlived(trainer: TrainerProcess, rig: TrainerRig, events: int) -> bool:
    """Whether the line gets to the end while `trainer` lives."""
    while trainer.running:
        head = await ledger.head(rig.client)
        if head is not None and ledger.offset_of(head) >= events:
            return True
        await asyncio.sleep(0.02)
    return False


@pytest.mark.row("D6")
@pytest.mark.parametrize("kind", [RAISES, pytest.param(BLOATS, marks=pytest.mark.needs("memory"))])
async def test_a_poisoned_event_is_set_aside_where_it(
    kind: str, folder: Path, figures: dict[str, Any]
) -> None:
    events, deaths = 20, 0

    async with TrainerRig(folder).running() as rig:
        await rig.register(SPEC)
        await rig.log.append(
            ledger.MODEL,
            Stream.EXAMPLES,
            [example(n, HARM[kind] if n == POISONED else 0.0) for n in range(events)],
        )
        started = time.monotonic()
        with MemoryLimit(LIMIT_BYTES) if kind == BLOATS else contextlib.nullcontext() as limit:
            while True:
                trainer = rig.trainer()
                if limit is not None:
                    limit.add(trainer.pid)
                if await outlived(trainer, rig, events):
                    break
                deaths += 1
                assert deaths <= STARTS, "the event goes on killing"
            took_s = time.monotonic() - started
            head = await ledger.head(rig.client)
            trainer.kill()
        letters = [json.loads(one.body) for one in await ledger.logged(rig.log, Stream.DEAD_LETTERS)]

    figures |= {"trainers that died of it": deaths, "until the rest was learned, s": round(took_s, 1)}
    assert head is not None
    assert head.examples == events - 1
    assert [letter["offset"] for letter in letters] == [POISONED]
    assert letters[0]["reason"]
    assert deaths == 0 if kind == RAISES else deaths >= 3
