"""Whether one more request may wait: a queue bounded by the time that it takes to get through it.

One thread computes, so what an overloaded process can choose is how long requests wait, not how many run.
The bound is a wait, as in CoDel (Nichols and Jacobson, "Controlling Queue Delay", ACM Queue 10(5), 2012; RFC
8289), and what it means in requests follows by Little's law from how long one takes now. As Maurer does it
for servers ("Fail at Scale", ACM Queue 13(8), 2015), a queue that was empty of late may grow for a burst, and
one that stands has to be short.
"""

from __future__ import annotations

SMOOTHING = 0.05
"""Share of the newest request in the running mean of what one takes."""

MIN_WAITING = 4
"""Requests that may always wait, so that one slow answer does not shut the gate."""


class QueueGate:
    """Lets requests in and counts them until they leave. Times are seconds of one monotonic clock.

    `standing_s` bounds the wait in a queue that was not empty for `burst_s`, `burst_s` any other, and
    `max_waiting` the requests, whatever each takes.
    """

    def __init__(self, standing_s: float, burst_s: float, max_waiting: int) -> None:
        self._standing_s = standing_s
        self._burst_s = burst_s
        self._max_waiting = max_waiting
        self._waiting = 0
        self._service_s = 0.0
        self._empty_at = float("-inf")
        self._left_at = float("-inf")

    @property
    def waiting(self) -> int:
        """Requests that are in and have not left."""
        return self._waiting

    def limit(self, now: float) -> int:
        """How many requests may be in at `now`."""
        if not self._service_s:
            return self._max_waiting
        stands = self._waiting > 0 and now - self._empty_at >= self._burst_s
        wait_s = self._standing_s if stands else self._burst_s
        return max(MIN_WAITING, min(self._max_waiting, int(wait_s / self._service_s)))

    def enter(self, now: float) -> bool:
        """Whether a request that comes at `now` may wait; if so it counts until `leave`."""
        if self._waiting == 0:
            self._empty_at = self._left_at = now
        elif self._waiting >= self.limit(now):
            return False
        self._waiting += 1
        return True

    def leave(self, now: float) -> None:
        """One that was let in is answered, or gone."""
        self._waiting -= 1
        # While others wait, the time between two answers is what one takes, whatever it is spent on. One very
        # slow answer says little about the next.
        took_s = min(now - self._left_at, self._standing_s)
        self._service_s += SMOOTHING * (took_s - self._service_s)
        self._left_at = now
        if self._waiting == 0:
            self._empty_at = now
