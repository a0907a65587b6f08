"""When a call that failed is tried again, so that many clients who try again do not make an overload worse.

Only calls that may be repeated are: predictions, which change nothing, and feedback, whose events carry ids.
Waits have full jitter (Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015), and all calls
of a client share a budget, as in "Site Reliability Engineering", chapter 21: a tenth of the calls made.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from riverrun.client.http_errors import TryLater
from riverrun.core.errors import NotReady

SHARE = 0.1
"""Retries for each call made."""

RESERVE = 10.0
"""Retries that are saved up at most, and are there at the start."""

PER_SECOND = 0.5
"""Retries for each second, so that a client of few calls may try again, too."""

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 2.0


class RetryBudget:
    """What all calls of one client may spend on retries."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._saved = RESERVE
        self._at = clock()

    def call(self) -> None:
        """A call is made for the first time."""
        self._earn(SHARE)

    def take(self) -> bool:
        """Whether a retry may go now; it is then spent."""
        self._earn(0.0)
        if self._saved < 1.0:
            return False
        self._saved -= 1.0
        return True

    def turn(self, within_s: float) -> float | None:
        """Spend a retry, now or later: the seconds until its turn; None where that is beyond `within_s`."""
        self._earn(0.0)
        wait_s = max(0.0, (1.0 - self._saved) / PER_SECOND)
        if wait_s > within_s:
            return None
        self._saved -= 1.0
        return wait_s

    def _earn(self, retries: float) -> None:
        now = self._clock()
        self._saved = min(RESERVE, self._saved + retries + PER_SECOND * (now - self._at))
        self._at = now


class Patience:
    """One call's answer to "shall it be tried again", as stamina asks: False, or the seconds to wait.

    With `within_s` it waits for its turn so long; else it gives up where the budget is spent.
    """

    def __init__(self, budget: RetryBudget, within_s: float | None = None) -> None:
        self._budget = budget
        self._within_s = within_s
        self._longest_s = FIRST_WAIT_S
        budget.call()

    def __call__(self, error: Exception) -> bool | float:
        if not isinstance(error, TryLater):
            return False
        if self._within_s is None:
            # A model without weights will have none in a moment either.
            is_busy = not isinstance(error.error, NotReady)
            turn_s = 0.0 if is_busy and self._budget.take() else None
        else:
            turn_s = self._budget.turn(self._within_s)
        if turn_s is None:
            return False
        jitter_s = random.uniform(0.0, self._longest_s)
        self._longest_s = min(LONGEST_WAIT_S, 2 * self._longest_s)
        return max(turn_s, error.after_s or 0.0) + jitter_s
