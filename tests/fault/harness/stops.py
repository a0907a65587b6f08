"""Runs in which the server ends inside a named step: one stop after the other over the same store."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from riverrun.core.errors import Unavailable
from riverrun.runtime import failpoints
from tests.fault.harness.crashes import judge, refused
from tests.fault.harness.inspection import inspect
from tests.fault.harness.load import Fleet, Profile
from tests.fault.harness.oracle import Oracle, Problem
from tests.fault.harness.server import DidNotStart, ServerProcess, Setup
from tests.fault.harness.tally import Tally

REACHED_WITHIN_S = 120.0
STOPPED = (failpoints.EXIT_STATUS, -9)


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop: `setup` makes the server end by itself. `fresh` ones need an empty folder."""

    name: str
    setup: Setup
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Stops:
    """All of `stops` in order, each over what the one before left; every `per_life` over an empty folder.

    With `prunes` the stores let go of old versions meanwhile.
    """

    stops: Sequence[Stop]
    per_life: int = 12
    profile: Profile = field(default_factory=Profile)
    prunes: bool = False

    async def run(self, folder: Path, seed: int) -> Tally:
        """What it came to, and how often each stop was reached; ends at the first broken promise."""
        rng = random.Random(seed)
        tally = Tally("stop inside a step", seed)
        life, fleet, left = folder, Fleet(Oracle(), self.profile, rng), 0
        for number, stop in enumerate(self.stops):
            if stop.fresh or left == 0:
                await self._end_life(life, fleet, tally, rng)
                life, left = folder / f"life-{number}", self.per_life
                life.mkdir()
                fleet = Fleet(Oracle(prunes=self.prunes), self.profile, rng)
            left -= 1
            if await self._stop(life, stop, fleet, tally, rng):
                tally.reached[stop.name] += 1
            else:
                tally.problems.append(Problem("not-reached", stop.name))
            if set(tally.kinds) - {"not-reached"}:
                break
        await self._end_life(life, fleet, tally, rng)
        return tally

    async def _end_life(self, life: Path, fleet: Fleet, tally: Tally, rng: random.Random) -> None:
        if (life / "data").exists():
            await judge(life, fleet.oracle, tally, rng)
            tally.life_ended(fleet.oracle)

    async def _stop(self, life: Path, stop: Stop, fleet: Fleet, tally: Tally, rng: random.Random) -> bool:
        server = ServerProcess(life / "data", life / "log", stop.setup)
        try:
            address = await server.address()
            tally.problems += fleet.oracle.check(await inspect(address, rng))
            async with fleet.at(address):
                acked = len(fleet.oracle.acked)
                while server.running and len(fleet.oracle.acked) == acked:
                    await asyncio.sleep(0.005)
                started = time.monotonic()
                await server.ended(REACHED_WITHIN_S)
                tally.struck(fleet.oracle, time.monotonic() - started)
        except DidNotStart as refusal:
            if refusal.status not in STOPPED:
                tally.problems.append(refused(refusal, fleet.oracle))
        except (Unavailable, TimeoutError):
            # It ended while it was asked, which the next start judges, or it never reached the point.
            with contextlib.suppress(TimeoutError):
                await server.ended(30)
        finally:
            reached = server.process.poll() in STOPPED
            server.kill()
        return reached
