"""D7: dead letters are bounded, however many events are bad."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from riverrun.core.errors import NotFound
from riverrun.core.events import NewEvent, Stream
from tests.fault.harness import ledger
from tests.fault.harness.process import Setup
from tests.fault.harness.trainer import TrainerRig

KEPT = 1_000
LOT = 2_000


@pytest.mark.row("D7")
async def test_only_the_newest_dead_letters_stay(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    bad = 1_000_000 if release else 50_000
    environment = {
        "RIVERRUN_PARAM_SERVER_KEEP_DEAD_LETTERS": str(KEPT),
        "RIVERRUN_PARAM_SERVER_RETENTION_EVERY_S": "0.5",
    }
    async with TrainerRig(folder, Setup(environment=environment)).running() as rig:
        await rig.register(ledger.spec("{every: 200ms}"))
        rig.trainer()
        for start in range(0, bad, LOT):
            lot = [NewEvent(f"bad-{n}", b'{"features": {}}') for n in range(start, start + LOT)]
            await rig.log.append(ledger.MODEL, Stream.EXAMPLES, lot)
        await rig.log.append(ledger.MODEL, Stream.EXAMPLES, [ledger.event(0)])
        head = await ledger.reached(rig.client, bad + 1, within_s=300)
        letters = []
        async with asyncio.timeout(120):
            while len(letters) != KEPT:
                await asyncio.sleep(0.1)
                # Those that go while they are being read are not found.
                with contextlib.suppress(NotFound):
                    letters = await ledger.logged(rig.log, Stream.DEAD_LETTERS)
            # Said once they are gone.
            while (dropped := _dropped(rig)) < bad - KEPT:
                await asyncio.sleep(0.1)

    figures |= {"bad events": bad, "letters kept": len(letters), "letters dropped": dropped}
    assert head.examples == 1
    assert [one.event_id for one in letters] == [f"dlq:examples:{n}" for n in range(bad - KEPT, bad)]
    assert dropped == bad - KEPT


def _dropped(rig: TrainerRig) -> int:
    """How many letters the server said to have dropped."""
    said = [one for one in rig.server.lines() if one.get("event") == "the oldest dead letters were dropped"]
    return sum(one["letters"] for one in said)
