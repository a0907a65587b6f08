"""Work in steps on the event loop, a turn at a time, so that requests are answered in between.

In a thread it would hold them up for longer: each needs the interpreter several times, and a thread that
computes lets go of it only every half millisecond.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import Generic, TypeVar

from riverrun.core.steps import Steps

T = TypeVar("T")

TURN_S = 0.0001
"""A turn goes on for this long, and then to the end of its step: so much later is an answer at most."""


async def requests_turn() -> None:
    """Let everything else on this loop get on."""
    # Once for what arrived meanwhile to be read, and once for it to be answered.
    await asyncio.sleep(0)
    await asyncio.sleep(0)


class Turns(Generic[T]):
    """Takes `steps` in turns.

    `worked_s` is the processor time that they took so far, `longest_s` what the longest of them took at most.
    """

    def __init__(self, steps: Steps[T]) -> None:
        self._steps = steps
        self._result: list[T] = []
        self.longest_s = 0.0
        self.worked_s = 0.0

    async def on_loop(self) -> T:
        """Take all steps; everything else on this loop gets on after each turn."""
        while not self._take(TURN_S):
            await requests_turn()
        return self._result[0]

    async def in_thread(self) -> T:
        """Take all steps in one turn, in a thread."""
        await asyncio.to_thread(self._take, math.inf)
        return self._result[0]

    def _take(self, turn_s: float) -> bool:
        """Take steps for `turn_s` seconds; whether that was the last of them."""
        steps, now = self._steps, time.perf_counter
        worked_s, longest_s, begun_s = time.thread_time(), 0.0, now()
        until_s = begun_s + turn_s
        try:
            while True:
                next(steps)
                ended_s = now()
                longest_s = max(longest_s, ended_s - begun_s)
                begun_s = ended_s
                if ended_s >= until_s:
                    return False
        except StopIteration as end:
            longest_s = max(longest_s, now() - begun_s)
            self._result.append(end.value)
            return True
        finally:
            worked_s = time.thread_time() - worked_s
            self.worked_s += worked_s
            # By the clock a step is as long as whatever came in between.
            self.longest_s = max(self.longest_s, min(longest_s, worked_s))
