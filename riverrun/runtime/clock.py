"""Time, passed in so that tests own it.

Wall-clock time appears in events and records only; waiting and ageing use the monotonic clock.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where a part of riverrun reads the time."""

    def wall_ns(self) -> int:
        """Unix time in nanoseconds; may jump."""

    def monotonic(self) -> float:
        """Seconds since some point; never goes back."""


class SystemClock:
    """The machine's clocks."""

    def wall_ns(self) -> int:
        return time.time_ns()

    def monotonic(self) -> float:
        return time.monotonic()
