"""Callers who ask a pod over REST for one row, over and over, and how long each of their answers took."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.fault.harness.answers import MODEL, ROWS, Pace
from tests.fault.harness.links import Link
from tests.fault.harness.pod import Pod

BODY = json.dumps({"features": ROWS[0]}).encode()
PATIENT = {"DEADLINE_S": "60", "QUEUE_STANDING_S": "60", "QUEUE_BURST_S": "60"}
"""Settings of a pod that refuses nobody because the machine is busy."""


def patient(release: bool) -> Mapping[str, str]:
    """`PATIENT` at CI size, where a machine that stands still for a second fails no request; else nothing."""
    return {} if release else PATIENT


@dataclass
class Callers:
    """What callers got: seconds of each answer by its status."""

    seconds: dict[int, list[float]] = field(default_factory=dict)

    def of(self, status: int) -> list[float]:
        """Seconds of the answers with `status`, sorted."""
        return sorted(self.seconds.get(status, []))

    async def ask(self, pod: Pod, rate: float, *, after_s: float = 0.0) -> None:
        """Ask over one connection, at most `rate` times a second from `after_s` on, for ever."""
        await asyncio.sleep(after_s)
        pace = Pace(rate)
        with contextlib.closing(Link(pod.rest)) as link:
            while True:
                await pace.next()
                begun = time.monotonic()
                status, _ = await link.ask("POST", f"/v1/models/{MODEL}:predict", BODY)
                self.seconds.setdefault(status, []).append(time.monotonic() - begun)


def p99(seconds: list[float]) -> float:
    """The value below which 99 of 100 of `seconds`, which are sorted, lie."""
    return seconds[int(0.99 * len(seconds))]
