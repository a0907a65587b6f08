"""What happens to the stack meanwhile: processes are killed, channels are rolled back and let go on."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from benchmarks.soak.stack import UpStack
from benchmarks.soak.subjects import SUBJECTS
from riverrun.client import AsyncClient
from riverrun.core.errors import Unavailable

BACK_S = 600.0
POLL_S = 0.1
HELD_SHARE = 0.2
"""Of the time between two rollbacks a channel stays held for this share."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When what happens. In the first half of the time each of `victims` is killed in turn, in the second
    half only the last of them, so that the memory of the others can be followed over a long life."""

    seconds: float
    kill_every_s: float
    rollback_every_s: float
    victims: tuple[str, ...] = ("trainer", "param-server", "serving-1")

    def victim(self, number: int, at_s: float) -> str:
        """Who is killed at the kill of this number."""
        return self.victims[-1] if at_s > self.seconds / 2 else self.victims[number % len(self.victims)]


@dataclass
class Happened:
    """What was done: ``{"at_s", "what", "back_s"}``."""

    events: list[dict[str, object]] = field(default_factory=list)

    def note(self, at_s: float, what: str, back_s: float) -> None:
        """Keep that `what` happened, and that it was right again after `back_s`."""
        self.events.append({"at_s": round(at_s, 1), "what": what, "back_s": round(back_s, 2)})


async def disturb(stack: UpStack, schedule: Schedule, started: float, happened: Happened) -> None:
    """Do what `schedule` says until it is over."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_kills(stack, schedule, started, happened))
        group.create_task(_rollbacks(stack, schedule, started, happened))


async def _kills(stack: UpStack, schedule: Schedule, started: float, happened: Happened) -> None:
    for number in itertools.count():
        at_s = (number + 1) * schedule.kill_every_s
        if at_s > schedule.seconds - schedule.kill_every_s / 2:
            return
        await _until(started + at_s)
        victim = schedule.victim(number, at_s)
        before, killed = stack.records()[victim].pid, time.monotonic()
        stack.kill(victim)
        async with asyncio.timeout(BACK_S):
            while stack.records()[victim].pid == before or not await asyncio.to_thread(stack.is_ready):
                await asyncio.sleep(POLL_S)
        happened.note(at_s, f"killed {victim}", time.monotonic() - killed)


async def _rollbacks(stack: UpStack, schedule: Schedule, started: float, happened: Happened) -> None:
    for number in itertools.count():
        at_s = (number + 0.5) * schedule.rollback_every_s
        if at_s > schedule.seconds - schedule.rollback_every_s / 2:
            return
        await _until(started + at_s)
        model = SUBJECTS[number % len(SUBJECTS)].name
        async with AsyncClient(server=stack.server) as client:
            await _again(partial(_go_back, client, model))
            await asyncio.sleep(schedule.rollback_every_s * HELD_SHARE)
            resumed = time.monotonic()
            await _again(partial(client.resume, model))
        happened.note(at_s, f"rolled back {model}", time.monotonic() - resumed)


async def _go_back(client: AsyncClient, model: str) -> None:
    kept = await client.versions(model, limit=20)
    await client.rollback(model, to=kept[-1].version)


async def _again(ask: Callable[[], Awaitable[object]]) -> None:
    """Ask until the server is there."""
    async with asyncio.timeout(BACK_S):
        while True:
            try:
                await ask()
            except Unavailable:
                await asyncio.sleep(POLL_S)
            else:
                return


async def _until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - time.monotonic()))
