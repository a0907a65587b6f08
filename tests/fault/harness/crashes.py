"""Runs of kill -9: load, kill, restart over the same folder, judge; life after life."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.fault.harness.inspection import inspect, pull_live
from tests.fault.harness.load import Fleet, Profile
from tests.fault.harness.oracle import Oracle, Problem
from tests.fault.harness.server import DidNotStart, ServerProcess, Setup
from tests.fault.harness.tally import Tally


@dataclass(frozen=True, slots=True)
class Crashes:
    """`kills` random kills of a server under `profile`, at most `per_life` over one store."""

    kills: int
    per_life: int = 10
    profile: Profile = field(default_factory=Profile)
    setup: Setup = field(default_factory=Setup)
    load_s: tuple[float, float] = (0.2, 0.6)

    async def run(self, folder: Path, seed: int) -> Tally:
        """Kill, restart and judge; stops at the first life in which a promise was broken."""
        rng = random.Random(seed)
        tally = Tally("kill -9", seed)
        while tally.faults < self.kills and not tally.problems:
            life = folder / f"life-{tally.faults}"
            life.mkdir(parents=True)
            oracle = Oracle()
            fleet = Fleet(oracle, self.profile, rng)
            for _ in range(min(self.per_life, self.kills - tally.faults)):
                await self._load_and_kill(life, fleet, tally, rng)
                if tally.problems:
                    break
            else:
                await judge(life, oracle, tally, rng, self.setup)
            tally.life_ended(oracle)
        return tally

    async def _load_and_kill(self, life: Path, fleet: Fleet, tally: Tally, rng: random.Random) -> None:
        oracle = fleet.oracle
        server = ServerProcess(life / "data", life / "log", self.setup)
        try:
            address = await server.address()
            if oracle.acked:
                tally.problems += await _judged(server, address, fleet, tally, rng)
                if tally.problems:
                    return
            async with fleet.at(address):
                await fleet.under_way()
                started = time.monotonic()
                await asyncio.sleep(rng.uniform(*self.load_s))
                tally.struck(oracle, time.monotonic() - started)
                server.kill()
        except DidNotStart as refusal:
            tally.problems.append(refused(refusal, oracle))
        finally:
            server.kill()


async def _judged(
    server: ServerProcess, address: str, fleet: Fleet, tally: Tally, rng: random.Random
) -> list[Problem]:
    await pull_live(address, fleet.lines[0].name)
    tally.restart_s.append(time.monotonic() - server.started)
    return fleet.oracle.check(await inspect(address, rng))


async def judge(
    life: Path, oracle: Oracle, tally: Tally, rng: random.Random, setup: Setup | None = None
) -> None:
    """Start a server over ``life/data`` and hold what it answers against `oracle`."""
    server = ServerProcess(life / "data", life / "log", setup)
    try:
        tally.problems += oracle.check(await inspect(await server.address(), rng))
    except DidNotStart as refusal:
        tally.problems.append(refused(refusal, oracle))
    finally:
        server.kill()


def refused(refusal: DidNotStart, oracle: Oracle) -> Problem:
    """A store that refuses to start has lost what it had acknowledged; an empty one has another error."""
    if not oracle.acked:
        raise refusal
    return Problem("start-refused", str(refusal))
