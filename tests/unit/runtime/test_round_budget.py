"""Requests that compute for long leave the loop time for all else; short ones never wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from riverrun.runtime import round_budget
from riverrun.runtime.round_budget import RoundBudget

BUDGET_S = 0.005


class Loop:
    """Requests that compute by a clock of their own, and what else the loop does, in one list."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.done: list[str] = []
        self.rounds = RoundBudget(BUDGET_S)
        monkeypatch.setattr(round_budget.time, "monotonic", lambda: self.now)

    async def request(self, name: str, takes_s: float) -> None:
        if not self.rounds.begins(self.now):
            await self.rounds.wait()
        self.now += takes_s
        self.done.append(name)

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Note each round as a dot."""

        async def beat() -> None:
            while True:
                self.done.append(".")
                await asyncio.sleep(0)

        task = asyncio.create_task(beat())
        yield
        task.cancel()


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    return Loop(monkeypatch)


async def test_short_requests_all_compute_in_the_round_they_come_in(loop: Loop) -> None:
    async with loop.beating():
        await asyncio.gather(*(loop.request("r", 0.0001) for _ in range(20)))

    assert "r" * 20 in "".join(loop.done)


async def test_between_long_requests_the_loop_goes_round(loop: Loop) -> None:
    async with loop.beating():
        await asyncio.gather(*(loop.request("r", 0.010) for _ in range(10)))

    assert "".join(loop.done).count("r") == 10
    assert "rr" not in "".join(loop.done)


async def test_as_many_compute_in_a_round_as_it_has_time_for(loop: Loop) -> None:
    async with loop.beating():
        await asyncio.gather(*(loop.request("r", 0.001) for _ in range(60)))

    runs = [len(run) for run in "".join(loop.done).split(".") if run]
    assert sum(runs) == 60
    assert max(runs) <= 6
    assert len(runs) <= 15


async def test_who_came_first_goes_first_whoever_comes_later(loop: Loop) -> None:
    async def late() -> None:
        for number in range(20, 25):
            await asyncio.sleep(0)
            await loop.request(str(number), 0.010)

    await asyncio.gather(*(loop.request(str(number), 0.010) for number in range(20)), late())

    order = [int(name) for name in loop.done]
    assert [number for number in order if number < 20] == list(range(20))
    assert order.index(20) >= 19


async def test_one_that_is_gone_while_it_waits_holds_up_nobody(loop: Loop) -> None:
    tasks = [asyncio.create_task(loop.request(str(number), 0.010)) for number in range(6)]
    await asyncio.sleep(0)
    for task in tasks[1:5]:
        task.cancel()
    await asyncio.wait(tasks)
    await loop.request("later", 0.010)

    assert loop.done == ["0", "5", "later"]
