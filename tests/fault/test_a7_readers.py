"""A7: readers never go back, and never see what does not survive, over bad links and dying servers."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from typing import Any

import pytest

from tests.fault.harness.crashes import judge
from tests.fault.harness.load import Fleet, Profile
from tests.fault.harness.oracle import Oracle
from tests.fault.harness.proxy import Proxy
from tests.fault.harness.server import ServerProcess
from tests.fault.harness.tally import Tally, first_that_counts

PROFILE = Profile(pushers=4, watchers=8, appenders=1, rest_s=0.002)


async def upset(link: Proxy, rng: random.Random) -> None:
    """One bad thing after another, each for a moment."""
    while True:
        match rng.randrange(5):
            case 0:
                link.reset()
            case 1:
                link.partition()
            case 2:
                link.down.latency_s, link.down.jitter_s = 0.02, 0.05
            case 3:
                link.down.slice_bytes, link.down.bytes_per_s = 7, 50_000
            case 4:
                link.down.cut_after = rng.randrange(20_000)
        await asyncio.sleep(rng.uniform(0.05, 0.3))
        link.heal()
        await asyncio.sleep(rng.uniform(0.05, 0.2))


async def kill_over_bad_links(folder: Path, seed: int, kills: int) -> tuple[Tally, int]:
    """Kill the server under readers whose links are bad; and how many announcements they read."""
    rng, tally, oracle = random.Random(seed), Tally("kill -9", seed), Oracle()
    fleet = Fleet(oracle, PROFILE, rng)
    for _ in range(kills):
        server = ServerProcess(folder / "data", folder / "log")
        try:
            address = await server.address()
            async with Proxy(address, rng).listening() as link, fleet.at(address, readers=link.address):
                await fleet.under_way()
                upsetting = asyncio.create_task(upset(link, rng))
                started = time.monotonic()
                await asyncio.sleep(rng.uniform(1.5, 2.5))
                tally.struck(oracle, time.monotonic() - started)
                server.kill()
                upsetting.cancel()
        finally:
            server.kill()
        await judge(folder, oracle, tally, rng)
    tally.life_ended(oracle)
    return tally, oracle.announcements


@pytest.mark.row("A7")
async def test_nobody_goes_back_over_bad_links_and_restarts(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    announcements = 0

    async def run(place: Path, chosen: int) -> Tally:
        nonlocal announcements
        tally, announcements = await kill_over_bad_links(place, chosen, 30 if release else 4)
        return tally

    tally = await first_that_counts(run, folder, seed)

    figures |= {"readers": PROFILE.watchers, "announcements read": announcements, **tally.figures()}
    tally.check()
    assert announcements > 100
