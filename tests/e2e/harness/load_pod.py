"""The load, run by a pod within the cluster: predictions at a steady rate, and labels until they are durable.

Mounted beside `links.py`, and run by the image's own Python. It keeps what it saw in STATE, replaced as a
whole, until the pod is deleted.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from links import Gone, Link  # type: ignore[import-not-found]  # lies beside this file in the pod

MODEL = "counting"
STATE = Path("/tmp/state.json")
LABEL_AGAIN_S = 0.2


class Load:
    """What was asked and answered so far."""

    def __init__(self, address: str, first: int) -> None:
        """`first` is the number of the first event: those before it are durable."""
        self._address = address
        self.asked = self.failed = self.refused_labels = 0
        self.durable = first
        self.failures: list[tuple[float, str]] = []
        """When a request was made that failed, and why it did."""
        self.back = 0
        self.oldest: dict[int, float] = {}
        """By second, the age of the oldest answer's weights."""
        self._newest: dict[int, int] = {}
        self._numbers = itertools.count(first)

    async def predict(self, worker: int, rate: float, *, fresh: bool) -> None:
        """Ask at `rate`, over one connection or over a new one each time."""
        link, due = Link(self._address), time.monotonic()
        body = json.dumps({"features": {"id": "e0"}}).encode()
        while True:
            due = max(due + 1 / rate, time.monotonic())
            await asyncio.sleep(due - time.monotonic())
            self.asked += 1
            opened, asked_at = link.opened, time.time()
            try:
                status, said = await asyncio.wait_for(
                    link.ask("POST", f"/v1/models/{MODEL}:predict", body), 10
                )
            except (OSError, Gone, TimeoutError) as error:
                link.close()
                self._fail(
                    asked_at, f"{error!r} on {'a new' if link.opened > opened else 'a kept'} connection"
                )
                continue
            if fresh:
                link.close()
            if status != 200:
                self._fail(asked_at, f"{status} {said[:200]!r}")
                continue
            answer = json.loads(said)
            second = int(time.time())
            self.oldest[second] = max(self.oldest.get(second, 0.0), answer["age_seconds"])
            # One connection leads to one pod, which never goes back.
            version = answer["model_version"]
            if not fresh and link.opened == opened and version < self._newest.get(worker, 0):
                self.back += 1
            self._newest[worker] = version

    async def label(self, rate: float) -> None:
        """Send events, each until it is durable."""
        link = Link(self._address)
        while True:
            number = next(self._numbers)
            event = {"event_id": f"e{number}", "features": {"id": f"e{number}"}, "label": 1e9}
            body = json.dumps(event).encode()
            while True:
                try:
                    status, said = await asyncio.wait_for(
                        link.ask("POST", f"/v1/models/{MODEL}:feedback", body), 10
                    )
                except (OSError, Gone, TimeoutError):
                    link.close()
                    status, said = 0, b""
                if status == 202:
                    self.durable = number + 1
                    break
                if status not in (0, 503):
                    self._fail(time.time(), f"feedback: {status} {said[:200]!r}")
                self.refused_labels += 1
                await asyncio.sleep(LABEL_AGAIN_S)
            await asyncio.sleep(1 / rate)

    async def report(self) -> None:
        """Keep STATE up to date."""
        while True:
            fresh = STATE.with_suffix(".new")
            fresh.write_text(json.dumps(self.state()))
            fresh.replace(STATE)
            await asyncio.sleep(0.25)

    def state(self) -> dict[str, Any]:
        """All of it, and when."""
        own = {key: value for key, value in vars(self).items() if not key.startswith("_")}
        recent = dict(sorted(self.oldest.items())[-300:])
        return own | {"at": time.time(), "failures": self.failures[-500:], "oldest": recent}

    def _fail(self, at: float, why: str) -> None:
        self.failed += 1
        self.failures.append((at, why))


async def main(address: str, rate: float, label_rate: float, first: int) -> None:
    load = Load(address, first)
    kept = [load.predict(n, rate / 5, fresh=False) for n in range(4)]
    async with asyncio.TaskGroup() as group:
        for work in (*kept, load.predict(4, rate / 5, fresh=True), load.label(label_rate), load.report()):
            group.create_task(work)


if __name__ == "__main__":
    rate, label_rate = float(os.environ["RATE"]), float(os.environ["LABEL_RATE"])
    asyncio.run(main(sys.argv[1], rate, label_rate, int(os.environ["FIRST"])))
