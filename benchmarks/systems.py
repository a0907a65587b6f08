"""The two designs under measurement as one sees them from outside: where they listen, and what they say."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from typing import Protocol

from benchmarks.http_load import post
from benchmarks.processes import wait_until
from benchmarks.reference.hand_rolled_stack import HandRolled
from benchmarks.stack import Stack
from benchmarks.workload import Row, Workload
from riverrun.client import AsyncClient

SERVED_S = 300.0
"""How long what was sent may take until every process answers with it."""


class System(Protocol):
    """What is measured: a running design with one or more serving processes.

    Events are counted from the first that its model has ever learned.
    """

    @property
    def workload(self) -> Workload:
        """What it learns."""

    @property
    def rest_ports(self) -> list[int]:
        """The serving processes' ports; labels go to the first."""

    @property
    def pids(self) -> list[int]:
        """All its processes."""

    def feedback(self, event: int, row: Row) -> bytes:
        """The request that sends label number `event`."""

    def probe(self) -> bytes:
        """A request for a prediction."""

    def said(self, answer: bytes) -> int:
        """The version that gave an answer, as the answer has it."""

    def wait_served(self, events: int) -> None:
        """Return when every process answers with weights that learned `events`; TimeoutError when not."""


class Riverrun:
    """riverrun, publishing continuously."""

    def __init__(self, stack: Stack, workload: Workload) -> None:
        self._stack = stack
        self.workload = workload
        self.rest_ports = stack.rest_ports
        self.pids = stack.pids
        self._path = f"/v1/models/{workload.name}"
        self._features, _ = next(workload.rows())

    def feedback(self, event: int, row: Row) -> bytes:
        features, label = row
        body = json.dumps({"id": f"event-{event}", "features": features, "label": label})
        return post(f"{self._path}:feedback", body.encode())

    def probe(self) -> bytes:
        return post(f"{self._path}:predict", json.dumps({"features": self._features}).encode())

    def said(self, answer: bytes) -> int:
        return int(json.loads(answer)["model_version"])

    def wait_served(self, events: int) -> None:
        for port in self.rest_ports:
            wait_until(
                lambda port=port: self._learned_by(port) >= events,  # type: ignore[misc]
                f"port {port} to serve {events} events",
                SERVED_S,
            )

    def learned(self) -> dict[int, int]:
        """Events learned by version."""

        async def read() -> dict[int, int]:
            found: dict[int, int] = {}
            async with AsyncClient(server=self._stack.server) as client:
                while page := await client.versions(
                    self.workload.name, limit=1000, before=min(found, default=0)
                ):
                    found |= {manifest.version: manifest.examples for manifest in page}
            return found

        return asyncio.run(read())

    def _learned_by(self, port: int) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{self._path}") as answer:
            return int(json.load(answer)["channels"]["live"].get("examples", 0))


class ByHand:
    """The hand-rolled design; what it calls a version is how many events the model had learned."""

    def __init__(self, running: HandRolled, workload: Workload) -> None:
        self._running = running
        self.workload = workload
        self.rest_ports = running.rest_ports
        self.pids = running.pids
        self._features, _ = next(workload.rows())

    def feedback(self, event: int, row: Row) -> bytes:
        features, label = row
        return post("/feedback", json.dumps({"event": event, "features": features, "label": label}).encode())

    def probe(self) -> bytes:
        return post("/predict", json.dumps({"features": self._features}).encode())

    def said(self, answer: bytes) -> int:
        return int(json.loads(answer)["learned"])

    def wait_served(self, events: int) -> None:
        for index in range(len(self.rest_ports)):
            wait_until(
                lambda index=index: self._running.swaps(index)[-1][0] >= events,  # type: ignore[misc]
                f"process {index} to serve {events} events",
                SERVED_S,
            )
