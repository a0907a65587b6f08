"""How long an event log has been running: what the ids of events age by.

A wall clock that is set forward by a day would make a log forget every id at once, and a label that is sent
again would count twice. So ids age by the time that the log was open, which only the monotonic clock tells.
While nobody can append, nothing ages.
"""

from __future__ import annotations

from riverrun.runtime.clock import Clock


class LogClock:
    """Nanoseconds that only grow: from `since_ns` on, the newest that the log knows of."""

    def __init__(self, clock: Clock, since_ns: int) -> None:
        self._clock = clock
        self._since_ns = since_ns
        self._start = clock.monotonic()

    def now_ns(self) -> int:
        """The log's own time."""
        return self._since_ns + int((self._clock.monotonic() - self._start) * 1e9)
