"""B3: a push whose answer was lost is stored once, over a session's stream and by a call of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from riverrun.rpc.channels import open_channel
from tests.fault.harness import ledger
from tests.fault.harness.gateway import Gateway
from tests.fault.harness.process import Setup
from tests.fault.harness.trainer import TrainerRig

SCALED = Setup(mutant="trainer_patches:scaled_waits")


@pytest.mark.row("B3")
async def test_pushes_whose_answers_are_lost_are_stored_once(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    each = 500 if release else 50

    async with TrainerRig(folder).running() as rig, open_channel(rig.link.address) as channel:
        gateway = Gateway(channel)
        async with gateway.listening():
            await rig.register(ledger.spec())
            feeder = ledger.Feeder(rig.log, seed)
            rig.trainer(SCALED, gateway.address)
            await ledger.reached(rig.client, 0)
            async with feeder.feeding(1_000_000, pause_s=0.01, most=30):
                for way in ("session", "call"):
                    gateway.losing = way  # type: ignore[assignment]  # mypy takes it for any text
                    async with asyncio.timeout(280 if each == 50 else 400):
                        while gateway.lost[way] < each:
                            await asyncio.sleep(0.02)
            gateway.losing = ""
            await ledger.reached(rig.client, feeder.fed)
            versions = await ledger.all_versions(rig.client)
            problems = ledger.judge_chain(versions)
            problems += await ledger.judge(rig.client, await ledger.logged(rig.log), versions[-1:])

    figures |= {
        "answers lost over sessions": gateway.lost["session"],
        "answers lost of calls": gateway.lost["call"],
        "seed": seed,
        "events": feeder.fed,
        "versions": len(versions),
        "broken promises": len(problems),
    }
    assert not problems, problems[:5]
