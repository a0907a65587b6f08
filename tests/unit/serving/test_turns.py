"""An update in turns: everything else on the loop gets on in between, however long the whole takes.

How long a turn takes is not measured here: that it ends is.
"""

from __future__ import annotations

import asyncio
import time

import pytest
from riverrun_serving.sync import turns as module
from riverrun_serving.sync.turns import in_turns

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

    async def run() -> tuple[str, float]:
        updating = asyncio.create_task(in_turns(steps(50, done)))
        while not done:
            await asyncio.sleep(0)
        await request()
        return await updating

    assert asyncio.run(run())[0] == "the result"
    assert done == list(range(50))
    assert seen[0] <= 2
    assert seen[1] - seen[0] <= 2


def test_the_time_is_told_that_all_of_them_took() -> None:
    def working() -> Steps[None]:
        for _ in range(3):
            until_s = time.thread_time() + 0.005
            while time.thread_time() < until_s:
                pass
            yield

    _, worked_s = asyncio.run(in_turns(working()))

    assert worked_s >= 0.015


def test_an_error_ends_them() -> None:
    def failing() -> Steps[None]:
        yield
        raise ValueError("no such unit")

    with pytest.raises(ValueError, match="no such unit"):
        asyncio.run(in_turns(failing()))
