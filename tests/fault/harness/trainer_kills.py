"""Runs in which trainers and the parameter server are killed by turns while events keep coming."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.fault.harness import ledger
from tests.fault.harness.process import Setup
from tests.fault.harness.tally import Tally
from tests.fault.harness.trainer import TrainerProcess, TrainerRig

VERSIONS_BETWEEN = 10
"""Versions that the trainer has pushed at the least before the next fault."""

BUSY_S = 120.0
MEETS_S = 5.0

PUBLISH = "{continuous: true, budget: 100%}"
"""A push is on its way nearly all the time."""


@dataclass(frozen=True, slots=True)
class TrainerKills:
    """`kills` of the trainer and `server_kills` of the server, in random order, while events are fed: so many
    as come until the last of them, and `events` at the least."""

    events: int
    kills: int
    server_kills: int = 0
    setup: Setup = field(default_factory=Setup)

    async def run(self, folder: Path, seed: int) -> Tally:
        """Kill and restart to the end, let the rest be learned, and judge what was learned."""
        rng = random.Random(seed)
        tally = Tally("kill -9", seed)
        faults = ["trainer"] * self.kills + ["server"] * self.server_kills
        rng.shuffle(faults)
        setup = telling(self.setup)
        async with TrainerRig(folder).running() as rig:
            await rig.register(ledger.spec(PUBLISH))
            feeder = ledger.Feeder(rig.log, seed)
            trainer = rig.trainer(setup)
            async with feeder.feeding(1_000_000, pause_s=0.005, most=4):
                for victim in faults:
                    await until_busy(trainer, 1)
                    started, before = time.monotonic(), len(noted(trainer))
                    await until_busy(trainer)
                    await asyncio.sleep(rng.uniform(0, 0.1))
                    # Every other fault meets a push: by chance alone a whole run may meet too few.
                    if tally.faults % 2:
                        await until_in_flight(rig)
                    pushed, seconds = len(noted(trainer)) - before, time.monotonic() - started
                    tally.load_s += seconds
                    tally.acked += pushed
                    tally.rates.append(pushed / seconds)
                    # What went last went up: a version, as a trainer sends little else.
                    tally.in_flight += rig.link.last == "up"
                    tally.faults += 1
                    if victim == "server":
                        await rig.restart_server()
                    else:
                        trainer.kill()
                        trainer = rig.trainer(setup)
            await feeder.feed(self.events)
            head = await ledger.reached(rig.client, feeder.fed)
            versions = await ledger.all_versions(rig.client)
            events = await ledger.logged(rig.log)
            looked_at = [*rng.sample(versions, min(20, len(versions))), head]
            tally.problems += ledger.judge_chain(versions)
            tally.problems += await ledger.judge(rig.client, events, looked_at)
        tally.labels = len(events)
        return tally


async def until_in_flight(rig: TrainerRig) -> None:
    """Return once a push is on its way to the server, or was not for `MEETS_S`."""
    until = time.monotonic() + MEETS_S
    while rig.link.last != "up" and time.monotonic() < until:
        await asyncio.sleep(0.001)


async def until_busy(trainer: TrainerProcess, more: int = VERSIONS_BETWEEN) -> None:
    """Return once this trainer has pushed `more` versions than before."""
    before = len(noted(trainer))
    async with asyncio.timeout(BUSY_S):
        while len(noted(trainer)) - before < more:
            await asyncio.sleep(0.02)
            assert trainer.running, f"the trainer ended: {trainer.said()[-2000:]}"


def noted(trainer: TrainerProcess) -> list[int]:
    """The versions that a trainer, which logs all that it does, knows to be stored."""
    return [line["version"] for line in trainer.lines() if line.get("event") == "a version was pushed"]


def telling(setup: Setup) -> Setup:
    """`setup` with the logs that `noted` reads."""
    environment = {**setup.environment, "RIVERRUN_TRAINER_LOG_LEVEL": "debug"}
    return Setup(setup.mutant, setup.failpoint, setup.prefix, environment)
