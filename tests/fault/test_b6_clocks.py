"""B6: clocks do not matter: no session is lost by them, and no label counts twice."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from riverrun.core.events import Stream
from tests.fault.harness import ledger
from tests.fault.harness.clock import SteppedClock
from tests.fault.harness.oracle import Problem
from tests.fault.harness.process import Setup
from tests.fault.harness.trainer import TrainerRig
from tests.fault.mutants.table import Mutant, of_row
from tests.integration.trainer.trainer_stack import SPEC, param_server, rows, trainer

DAY_S = 86_400.0
RETRIED = 20
STEP_S = 0.5


async def stepped(
    folder: Path, seed: int, offsets: Sequence[tuple[float, float]], mutant: str = ""
) -> tuple[list[Problem], int, int]:
    """Feed while the clocks of server and trainer are set to one pair of `offsets` after the other.

    After each step the first labels, and some others, are sent again. What was found wrong, the epochs that
    were granted, and how many labels were sent again.
    """
    rng = random.Random(seed)
    places = [folder / name for name in ("server", "trainer")]
    for place in places:
        place.mkdir()
    clocks = [SteppedClock(place) for place in places]
    problems, retried = [], 0
    async with TrainerRig(folder, Setup(mutant, environment=clocks[0].environment)).running() as rig:
        await rig.register(ledger.spec())
        rig.trainer(Setup(environment=clocks[1].environment))
        feeder = ledger.Feeder(rig.log, seed)
        await feeder.feed(50)
        for pair in offsets:
            for clock, offset_s in zip(clocks, pair, strict=True):
                clock.step(offset_s)
            async with feeder.feeding(1 << 30, pause_s=0.02):
                await asyncio.sleep(STEP_S)
            numbers = [*range(RETRIED), *rng.sample(range(feeder.fed), RETRIED)]
            answers = await rig.log.append(
                ledger.MODEL, Stream.EXAMPLES, [ledger.event(number) for number in numbers]
            )
            retried += len(answers)
            new = [one for one in answers if not one.duplicate]
            problems += [Problem("accepted-again", f"offset {one.offset} with clocks {pair}") for one in new]
        end = (await rig.log.end(ledger.MODEL, Stream.EXAMPLES))[0]
        head = await ledger.reached(rig.client, end)
        problems += await ledger.judge(rig.client, await ledger.logged(rig.log), [head])
    return problems, head.epoch, retried


@pytest.mark.row("B6")
@pytest.mark.needs("faketime")
async def test_clocks_set_by_days_lose_no_session_and_accept_nothing_twice(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    rng = random.Random(seed)
    by_a_day = [(DAY_S, 0.0), (-DAY_S, 0.0), (0.0, DAY_S), (0.0, -DAY_S), (DAY_S, -DAY_S)]
    steps = 60 if release else 20
    anywhere = [
        (rng.uniform(-5, 5) * DAY_S, rng.uniform(-5, 5) * DAY_S) for _ in range(steps - len(by_a_day))
    ]

    problems, epochs, retried = await stepped(folder, seed, [*by_a_day, *anywhere])

    figures |= {
        "steps of two clocks": steps,
        "seed": seed,
        "labels sent again": retried,
        "accepted again": Counter(one.kind for one in problems)["accepted-again"],
        "sessions": epochs,
        "broken promises": len(problems),
    }
    assert not problems, problems[:5]
    assert epochs == 1


class RunningTime:
    """The time in which this process ran: one that stood still for a while takes that for a moment.

    All that is tried here is in this process, so no session of it lapses because the machine stands still.
    """

    TICK_S, MOMENT_S = 0.02, 0.1

    def __init__(self) -> None:
        self.now_s = 0.0

    async def tick(self) -> None:
        """Go on, for ever."""
        last = time.monotonic()
        while True:
            await asyncio.sleep(self.TICK_S)
            now = time.monotonic()
            self.now_s += min(now - last, self.MOMENT_S)
            last = now

    async def sleep(self, seconds: float) -> None:
        """Return when so many have passed."""
        until = self.now_s + seconds
        while self.now_s < until:
            await asyncio.sleep(self.TICK_S)


class RatedClock:
    """A clock that goes `rate` times as fast as it should."""

    def __init__(self, running: RunningTime, rate: float) -> None:
        self._running = running
        self._rate = rate

    def monotonic(self) -> float:
        return self._running.now_s * self._rate

    def wall_ns(self) -> int:
        return time.time_ns() + int(self.monotonic() * 1e9)


async def sessions_at(
    data: Path, server_rate: float, trainer_rate: float, time_: RunningTime, release: bool
) -> tuple[int, int]:
    """The epoch in the end, and the examples learned, of a trainer and a server whose clocks go so fast."""
    async with contextlib.AsyncExitStack() as running:
        stack = await running.enter_async_context(
            param_server(data, clock=RatedClock(time_, server_rate), lease_s=8.0)
        )
        await stack.client.register_model(SPEC)
        await running.enter_async_context(trainer(stack.address, clock=RatedClock(time_, trainer_rate)))
        await stack.feed(rows(20))
        # The lease passes more than once, by either clock, while the trainer only reports.
        await time_.sleep(40.0 if release else 10.0)
        await stack.feed(rows(20, seed=1), start=20)
        head = await stack.position(40)
        return (await stack.client.list_models())[0].lines[0].epoch, head.examples


@pytest.mark.row("B6")
async def test_clocks_at_half_and_double_rate_lose_no_session(
    folder: Path, release: bool, figures: dict[str, Any]
) -> None:
    rates = (0.5, 1.0, 2.0) if release else (0.5, 2.0)
    pairs = list(itertools.product(rates, rates))

    time_ = RunningTime()
    ticking = asyncio.create_task(time_.tick())
    found = await asyncio.gather(
        *(sessions_at(folder / str(number), *pair, time_, release) for number, pair in enumerate(pairs))
    )
    ticking.cancel()

    figures |= {"pairs of rates": len(pairs), "sessions of each": max(epoch for epoch, _ in found)}
    assert set(found) == {(1, 40)}


@pytest.mark.row("mutants")
@pytest.mark.needs("faketime")
@pytest.mark.parametrize("mutant", of_row("B6"), ids=str)
async def test_a_step_of_days_catches(
    mutant: Mutant, folder: Path, seed: int, figures: dict[str, Any]
) -> None:
    problems, _, _ = await stepped(folder, seed, [(2 * DAY_S, 0.0)], mutant.patch)

    figures |= mutant.caught({one.kind for one in problems}, "1 x a step of two days")
    assert figures["caught as"]
