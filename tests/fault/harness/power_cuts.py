"""Runs of power cuts: load, stop everything, copy the disk, recover the copy, judge; life after life."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.fault.harness.crashes import judge, refused
from tests.fault.harness.load import Fleet, Profile
from tests.fault.harness.loop_disk import LoopDisk
from tests.fault.harness.oracle import Oracle
from tests.fault.harness.server import DidNotStart, ServerProcess, Setup
from tests.fault.harness.tally import Tally

DISK_BYTES = 128 << 20


@dataclass(frozen=True, slots=True)
class PowerCuts:
    """`cuts` power cuts; `per_boot` of one running server, of which the last also ends it.

    Before the last cut of a boot the server is killed and goes on from the copy: a store lives through
    `boots` of them. A cut before that stops the server, takes the copy, and lets it go on.
    """

    cuts: int
    per_boot: int = 4
    boots: int = 2
    profile: Profile = field(default_factory=Profile)
    setup: Setup = field(default_factory=Setup)
    load_s: tuple[float, float] = (0.1, 0.3)

    async def run(self, folder: Path, seed: int) -> Tally:
        """Cut, recover and judge; stops at the first cut that broke a promise."""
        rng = random.Random(seed)
        tally = Tally("power cut", seed)
        while tally.faults < self.cuts and not tally.problems:
            life = folder / f"life-{tally.faults}"
            life.mkdir()
            await self._life(life, tally, rng)
        return tally

    async def _life(self, life: Path, tally: Tally, rng: random.Random) -> None:
        oracle = Oracle()
        fleet = Fleet(oracle, self.profile, rng)
        disk = LoopDisk.make(life, "disk-0", DISK_BYTES)
        try:
            for boot in range(self.boots):
                after = await self._boot(disk.mount(), boot, fleet, tally, rng)
                disk.release()
                disk = after
                if tally.problems or tally.faults >= self.cuts:
                    break
        finally:
            tally.life_ended(oracle)
            disk.release()

    async def _boot(
        self, disk: LoopDisk, boot: int, fleet: Fleet, tally: Tally, rng: random.Random
    ) -> LoopDisk:
        server = ServerProcess(disk.path / "store" / "data", disk.image.parent / "log", self.setup)
        try:
            async with fleet.at(await server.address()):
                await fleet.under_way()
                for cut in range(self.per_boot):
                    started = time.monotonic()
                    await asyncio.sleep(rng.uniform(*self.load_s))
                    last = cut == self.per_boot - 1
                    server.kill() if last else server.pause()
                    tally.struck(fleet.oracle, time.monotonic() - started)
                    promise = fleet.oracle.promise()
                    after = disk.cut(f"disk-{boot}-{cut}")
                    await self._judge(after, promise, tally, rng, keep=last)
                    if last or tally.problems or tally.faults >= self.cuts:
                        break
                    server.go_on()
        except DidNotStart as refusal:
            tally.problems.append(refused(refusal, fleet.oracle))
            return disk
        finally:
            server.kill()
        return after

    async def _judge(
        self, disk: LoopDisk, promise: Oracle, tally: Tally, rng: random.Random, *, keep: bool
    ) -> None:
        try:
            await judge(disk.mount().path / "store", promise, tally, rng)
        finally:
            if keep:
                disk.unmount()
            else:
                disk.release()
