"""The share of its time that a trainer may spend on publishing, whatever the policy asks."""

from __future__ import annotations

import math

BURST_S = 0.25
"""Time whose share may be spent at once, so that one slow version does not hold up the next ones."""

WINDOW_S = 10.0
"""How far back `recent_share` looks: what was spent counts for 1/e of itself after that long."""


class PublishBudget:
    """Time spent on publishing, paid back at `share` of the time that passes.

    Over any span publishing takes at most `share` of it, plus one burst and the last version's own cost.
    """

    def __init__(self, share: float, now_s: float) -> None:
        self.share = share
        self._debt_s = 0.0
        self._recent_s = 0.0
        self._at_s = now_s

    def spend(self, cost_s: float, now_s: float) -> None:
        """Count `cost_s` seconds of publishing that ended at `now_s`."""
        self._move_to(now_s - cost_s)
        self._debt_s += cost_s
        self._recent_s += cost_s
        self._move_to(now_s)

    def free_s(self, now_s: float) -> float:
        """From when on the next version may be published; not after `now_s` when it may be at once."""
        self._move_to(now_s)
        return now_s + (self._debt_s - self.share * BURST_S) / self.share

    def recent_share(self, now_s: float) -> float:
        """The share of the recent past that publishing took."""
        self._move_to(now_s)
        return self._recent_s / WINDOW_S

    def _move_to(self, now_s: float) -> None:
        passed_s = max(0.0, now_s - self._at_s)
        self._debt_s = max(0.0, self._debt_s - passed_s * self.share)
        self._recent_s *= math.exp(-passed_s / WINDOW_S)
        self._at_s = max(self._at_s, now_s)
