"""A6: a full disk refuses writes, answers reads, and takes writes again once there is space."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.fault.harness.crashes import judge
from tests.fault.harness.inspection import pull_live
from tests.fault.harness.line import Sizes
from tests.fault.harness.load import Fleet, Profile
from tests.fault.harness.loop_disk import LoopDisk, mounted
from tests.fault.harness.oracle import Oracle, Problem
from tests.fault.harness.server import DidNotStart, ServerProcess, Setup
from tests.fault.harness.tally import Tally
from tests.fault.mutants.table import Mutant, of_row

pytestmark = pytest.mark.needs("loop")

DISK_BYTES = 16 << 20
FILLED_AT_MOST = 6
PULLS = 4
"""Pulls in each filling at the least."""

SIZES = Sizes(large=120_000, large_share=0.3)
PROFILE = Profile(pushers=3, watchers=2, appenders=1, sizes=SIZES, rest_s=0.005)
WORKS_AGAIN_S = 10.0
GIVEN_UP_S = 60.0
"""So much a busy machine is given, on which nothing is measured."""

TRIES = 3
"""At CI size, of which in one no watch may break, as it does too where a machine stands still for seconds."""

RETENTION = {
    "RIVERRUN_PARAM_SERVER_KEEP_ALL_S": "1",
    "RIVERRUN_PARAM_SERVER_KEEP_MINUTELY_S": "0",
    "RIVERRUN_PARAM_SERVER_KEEP_HOURLY_S": "0",
    "RIVERRUN_PARAM_SERVER_RETENTION_EVERY_S": "0.2",
}
"""Old versions go soon: the disk is filled by something else, again and again."""


def fill(disk: LoopDisk, ballast: Path) -> None:
    """Take all the space there is left, but for what is too little for any write."""
    with contextlib.suppress(OSError), ballast.open("ab") as file:
        while disk.free() > 0:
            file.write(os.urandom(min(disk.free(), 1 << 20)))
            file.flush()


@contextlib.asynccontextmanager
async def counting_pulls(address: str, model: str, tally: Tally) -> AsyncIterator[list[int]]:
    """Pull again and again; a pull that fails is a broken promise. The versions that were pulled."""
    pulled: list[int] = []

    async def pull() -> None:
        while True:
            try:
                pulled.append(await pull_live(address, model))
            except Exception as error:  # whatever it is, a reader was not answered
                tally.problems.append(Problem("pull-failed", repr(error)))
            await asyncio.sleep(0.02)

    task = asyncio.create_task(pull())
    try:
        yield pulled
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def fill_while_pushing(
    folder: Path, cycles: int, tally: Tally, setup: Setup
) -> tuple[list[float], int, int]:
    """Seconds until pushes worked again in each cycle, the refusals, and the pulls that were answered."""
    rng, cycles_seen, pulls = random.Random(tally.seed), list[tuple[float, int]](), 0
    oracle = Oracle(prunes=True)
    fleet = Fleet(oracle, PROFILE, rng)
    with mounted(folder, "disk", DISK_BYTES) as disk:
        server = ServerProcess(disk.path / "store" / "data", folder / "log", setup)
        ballast = disk.path / "ballast"
        try:
            address = await server.address()
            async with fleet.at(address):
                await fleet.under_way()
                started = time.monotonic()
                async with counting_pulls(address, fleet.lines[0].name, tally) as pulled:
                    for _ in range(cycles):
                        cycles_seen.append(await _fill_once(disk, ballast, fleet, pulled, tally))
                        await asyncio.sleep(0.2)
                pulls = len(pulled)
                tally.struck(oracle, time.monotonic() - started)
                if oracle.disconnections:
                    tally.problems.append(Problem("watch-broke", f"{oracle.disconnections} times"))
            if server.process.poll() is not None:
                tally.problems.append(Problem("died", server.said()[-500:]))
            server.kill()
            await judge(disk.path / "store", oracle, tally, rng)
        except DidNotStart as refusal:
            tally.problems.append(Problem("start-refused", str(refusal)))
        finally:
            server.kill()
    tally.life_ended(oracle)
    return [again_s for again_s, _ in cycles_seen], sum(refused for _, refused in cycles_seen), pulls


async def _fill_once(
    disk: LoopDisk, ballast: Path, fleet: Fleet, pulled: list[int], tally: Tally
) -> tuple[float, int]:
    """Fill the disk until pushes are refused and some pulls were answered, empty it, and wait until pushes
    are taken again: for how many seconds, and how many pushes were refused, which the oracle forgets as soon
    as they are taken after all.
    """
    oracle, pulls = fleet.oracle, len(pulled) + PULLS
    before, deadline = set(oracle.refused), time.monotonic() + GIVEN_UP_S
    while (
        len(oracle.refused - before) < PROFILE.pushers or len(pulled) < pulls
    ) and time.monotonic() < deadline:
        await asyncio.to_thread(fill, disk, ballast)
        await asyncio.sleep(0.02)
    refused = len(oracle.refused - before)
    if not refused:
        tally.problems.append(Problem("not-full", "no push was refused"))
    disk.remove(ballast)
    freed, acked = time.monotonic(), len(oracle.acked)
    while len(oracle.acked) == acked and time.monotonic() < freed + 2 * GIVEN_UP_S:
        await asyncio.sleep(0.01)
    return time.monotonic() - freed, refused


@pytest.mark.row("A6")
async def test_writes_are_refused_reads_are_answered_and_writes_work_again(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    cycles = 20 if release else 3
    for number in range(1 if release else TRIES):
        place, tally = folder / str(number), Tally("full disk", seed + number)
        place.mkdir()
        again_s, refused, pulls = await fill_while_pushing(place, cycles, tally, Setup(environment=RETENTION))
        if tally.kinds.keys() != {"watch-broke"}:
            break
        print(f"does not count: {tally}")

    print(tally, f"refused {refused}, pulls {pulls}, works again after {[round(s, 2) for s in again_s]}")
    figures |= {
        "fillings": cycles,
        "seed": tally.seed,
        "acknowledged pushes": tally.acked,
        "refused as exhausted": refused,
        "pulls answered": pulls,
        "pushes work again, longest after s": round(max(again_s), 2),
        "broken promises": len(tally.problems),
    }
    assert not tally.problems, tally.problems[:10]
    assert max(again_s) <= (WORKS_AGAIN_S if release else GIVEN_UP_S)
    assert refused >= cycles
    assert pulls >= PULLS * cycles


@pytest.mark.row("mutants")
@pytest.mark.parametrize("mutant", of_row("A6"), ids=str)
async def test_a_full_disk_catches(mutant: Mutant, folder: Path, seed: int, figures: dict[str, Any]) -> None:
    # Not every filling meets a body in the making.
    for number in range(FILLED_AT_MOST):
        place, tally = folder / str(number), Tally("full disk", seed + number)
        place.mkdir()
        await fill_while_pushing(place, 3, tally, Setup(mutant=mutant.patch, environment=RETENTION))
        if mutant.kinds & set(tally.kinds):
            break

    figures |= mutant.caught_by(tally)
    assert figures["caught as"]
