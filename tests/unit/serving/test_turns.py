"""An update in turns: everything else on the loop gets on in between, however long the whole takes.

How long a turn takes is not measured here: that it ends is.
"""

from __future__ import annotations

import asyncio
import time

import pytest
from riverrun_serving.sync import turns as module
from riverrun_serving.sync.turns import Turns

from riverrun.core.steps import Steps


def steps(count: int, done: list[int]) -> Steps[str]:
    for step in range(count):
        done.append(step)
        yield
    return "the result"


@pytest.fixture
def one_step_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TURN_S", 0.0)


@pytest.mark.usefixtures("one_step_a_turn")
def test_what_is_ready_is_done_between_two_turns() -> None:
    done: list[int] = []
    seen: list[int] = []

    async def request() -> None:
        seen.append(len(done))
        # As an answer is: what was read becomes a task, and that is the one that answers.
        await asyncio.create_task(asyncio.sleep(0))
        seen.append(len(done))

    async def run() -> str:
        turns = Turns(steps(50, done))
        updating = asyncio.create_task(turns.on_loop())
        while not done:
            await asyncio.sleep(0)
        await request()
        return await updating

    assert asyncio.run(run()) == "the result"
    assert done == list(range(50))
    assert seen[0] <= 2
    assert seen[1] - seen[0] <= 2


def test_a_thread_takes_them_all() -> None:
    done: list[int] = []
    turns = Turns(steps(50, done))

    assert asyncio.run(turns.in_thread()) == "the result"
    assert done == list(range(50))
    assert turns.worked_s > 0


def test_the_longest_step_is_told_and_what_all_of_them_took() -> None:
    def working(seconds: float) -> None:
        until_s = time.thread_time() + seconds
        while time.thread_time() < until_s:
            pass

    def uneven() -> Steps[None]:
        for seconds in (0.001, 0.02, 0.001):
            working(seconds)
            yield

    turns = Turns(uneven())
    asyncio.run(turns.on_loop())

    assert turns.worked_s >= 0.022
    # Two clocks: the one of the wall may be slowed down to agree with others.
    assert 0.019 <= turns.longest_s <= turns.worked_s


def test_an_error_ends_them() -> None:
    def failing() -> Steps[None]:
        yield
        raise ValueError("no such unit")

    with pytest.raises(ValueError, match="no such unit"):
        asyncio.run(Turns(failing()).on_loop())
