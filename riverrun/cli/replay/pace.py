"""How fast a replay goes: event time to the wall clock."""

from __future__ import annotations

import re
from dataclasses import dataclass

from riverrun.core.errors import InvalidInput

TICK_S = 0.02
"""What falls within this much wall time is sent together."""

_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:/s)?")
_SPEED_UP = re.compile(r"(\d+(?:\.\d+)?)x?")


@dataclass(frozen=True, slots=True)
class Pace:
    """Either `time_per_s` seconds of event time pass in a second, or `rows_per_s` rows, or all it takes."""

    time_per_s: float | None = None
    rows_per_s: float | None = None

    @property
    def tick_s(self) -> float | None:
        """The event time that one step may span; None: any."""
        return None if self.time_per_s is None else TICK_S * self.time_per_s

    def batch(self, wanted: int) -> int:
        """The rows that one step may predict."""
        return wanted if self.rows_per_s is None else max(1, min(wanted, int(self.rows_per_s * TICK_S)))

    def due_s(self, event_s: float, rows: int) -> float | None:
        """When a step is due, in seconds since the start; None: at once.

        `event_s` is its event time since the first row's, `rows` are those predicted before it.
        """
        if self.time_per_s is not None:
            return event_s / self.time_per_s
        return None if self.rows_per_s is None else rows / self.rows_per_s


def parse_rate(text: str) -> float:
    """Rows a second, from ``100`` or ``100/s``; raises `InvalidInput`."""
    return _positive(_RATE, text, "--rate", "expected rows a second, such as 100 or 100/s")


def parse_speed_up(text: str) -> float:
    """The factor, from ``1000x`` or ``1000``; raises `InvalidInput`."""
    return _positive(_SPEED_UP, text, "--speed-up", "expected a factor, such as 1000x")


def _positive(pattern: re.Pattern[str], text: str, option: str, expected: str) -> float:
    found = pattern.fullmatch(text.strip())
    if found is None or float(found[1]) == 0:
        raise InvalidInput(option, f"{expected}, got {text[:40]!r}")
    return float(found[1])
