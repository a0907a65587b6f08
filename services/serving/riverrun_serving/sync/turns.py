"""Work in steps on the event loop, a turn at a time, so that requests are answered in between.

In a thread it would hold them up for longer: each needs the interpreter several times, and a thread that
computes lets go of it only every half millisecond, and of the core they share when its slice is over.
"""

from __future__ import annotations

import asyncio
import time
from typing import TypeVar

from riverrun.core.steps import Steps

T = TypeVar("T")

TURN_S = 0.0001
"""A turn goes on for this long, and then to the end of its step: so much later is an answer at most."""


async def requests_turn() -> None:
    """Let everything else on this loop get on."""
    # Once for what arrived meanwhile to be read, and once for it to be answered.
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def in_turns(steps: Steps[T]) -> tuple[T, float]:
    """The result of `steps` and the processor seconds that they took.

    Everything else on this loop gets on after each turn.
    """
    worked_s = 0.0
    while True:
        begun_s = time.thread_time()
        try:
            _take_turn(steps)
        except StopIteration as end:
            return end.value, worked_s + time.thread_time() - begun_s
        worked_s += time.thread_time() - begun_s
        await requests_turn()


def _take_turn(steps: Steps[T]) -> None:
    now = time.perf_counter
    until_s = now() + TURN_S
    next(steps)
    while now() < until_s:
        next(steps)
