"""How long requests may compute within one round of the event loop.

Between two rounds a loop hears of all else: probes, refusals, new connections. Were every request that waits
answered in one round, that would wait for the sum of them; and the queue would be empty after each round,
however many stand in it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

BUDGET_S = 0.005
MIN_EACH_S = 1e-6


class RoundBudget:
    """Lets requests compute for `budget_s` in a round, and then to the end of the one that computes.

    Those for which a round has no time left wait for a later one, in the order in which they came. Times are
    of `time.monotonic`.
    """

    def __init__(self, budget_s: float = BUDGET_S) -> None:
        self._budget_s = budget_s
        self._waiting: deque[asyncio.Future[None]] = deque()
        # Of this round: when its first request began, and how many were let in.
        self._begun_at = 0.0
        self._let_in = 0

    def begins(self, now: float) -> bool:
        """Whether a request that comes at `now` may compute in this round; else it has to `wait` first."""
        if self._waiting or (self._let_in and now - self._begun_at > self._budget_s):
            return False
        if not self._let_in:
            self._open(now)
        self._let_in += 1
        return True

    async def wait(self) -> None:
        """Return in the round that has time for this request."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    def _open(self, now: float) -> None:
        self._begun_at = now
        # Called after everything that is ready now, which is what a round is.
        asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        now = time.monotonic()
        # By how long each took in this round, so many have time in the next.
        each_s = max((now - self._begun_at) / self._let_in, MIN_EACH_S)
        room = max(1, int(self._budget_s / each_s))
        self._let_in = 0
        while self._waiting and self._let_in < room:
            turn = self._waiting.popleft()
            if not turn.done():  # it was cancelled
                turn.set_result(None)
                self._let_in += 1
        if self._let_in:
            self._open(now)
