"""riverrun's own processes under measurement: the programs and settings of `riverrun up`, one by one.

Not through `riverrun up` itself, so that a benchmark can start the trainer later than the rest, and can
have each serving process record when it took which version into use.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import httpx2

from benchmarks.processes import listening, python, running, stop, wait_until
from riverrun.cli.up.ports import HeldPorts, plan_ports
from riverrun.cli.up.services import Service, stack
from riverrun.client import AsyncClient

START_S = 300.0
"""How long a service may take to start: a busy machine takes a minute."""


class Stack:
    """One parameter server, one trainer and some serving processes."""

    def __init__(self, folder: Path, services: Sequence[Service], started: ExitStack) -> None:
        self.folder = folder
        self._services = {service.label: service for service in services}
        self._started = started
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def server(self) -> str:
        """host:port of the parameter server."""
        return f"127.0.0.1:{self._services['param-server'].ports['grpc']}"

    @property
    def rest_ports(self) -> list[int]:
        """REST ports of the serving processes."""
        return [one.ports["rest"] for one in self._services.values() if one.service == "serving"]

    @property
    def grpc_ports(self) -> list[int]:
        """gRPC ports of the serving processes."""
        return [one.ports["grpc"] for one in self._services.values() if one.service == "serving"]

    @property
    def pids(self) -> list[int]:
        """Process ids of everything that was started."""
        return [process.pid for process in self._processes.values()]

    def pid(self, label: str) -> int:
        """Process id of one service, such as ``serving-0``."""
        return self._processes[label].pid

    def swaps(self, index: int) -> list[tuple[int, int]]:
        """When serving process `index` took each version into use: (version, Unix ns). Written as it ends."""
        lines = self._swaps_path(index).read_text().splitlines()
        return [(int(version), int(at)) for version, at in map(str.split, lines)]

    def stop(self, label: str) -> None:
        """Stop one service, and return when it has ended."""
        stop(self._processes.pop(label))

    def start(self, label: str, *, cores: set[int] | None = None, record_swaps: bool = False) -> None:
        """Start one service; returns at once. With `record_swaps` see `recorded_serving`."""
        service = self._services[label]
        environment = {**os.environ, **service.environment}
        module = service.module
        if record_swaps:
            module = "benchmarks.recorded_serving"
            environment["BENCHMARK_SWAPS"] = str(self._swaps_path(service.index))
        self._processes[label] = self._started.enter_context(
            running(python(module), self.folder / f"{label}.log", cores=cores, env=environment)
        )

    def wait_ready(self, *labels: str) -> None:
        """Return once these services say that they are ready; RuntimeError when one ended instead."""
        for label in labels:
            wait_until(partial(self._is_ready, label), f"{label} to be ready", START_S)

    def metric(self, label: str, name: str) -> float:
        """What a service that is ready says of the metric `name`, summed over its labels; 0 for nothing."""
        text = httpx2.get(self._services[label].health + "/metrics").text
        return sum(map(float, re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE)))

    def register(self, spec: str) -> None:
        """Register a model."""

        async def apply() -> None:
            async with AsyncClient(server=self.server) as client:
                await client.apply(spec)

        asyncio.run(apply())

    def _swaps_path(self, index: int) -> Path:
        return self.folder / f"serving-{index}.swaps"

    def _is_ready(self, label: str) -> bool:
        if (status := self._processes[label].poll()) is not None:
            log = (self.folder / f"{label}.log").read_text()[-2000:]
            raise RuntimeError(f"{label} ended with {status}: {log}")
        service = self._services[label]
        if "grpc" in service.ports and not listening(service.ports["grpc"]):
            return False
        try:
            return httpx2.get(service.health + "/readyz", timeout=1).status_code == 200
        except httpx2.HTTPError:
            return False


@contextmanager
def new_stack(replicas: int = 1) -> Iterator[Stack]:
    """A stack on free ports in a folder of its own, of which nothing runs yet; it is stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="riverrun-bench-") as folder, ExitStack() as started:
        ports = plan_ports(0, 1, replicas, started.enter_context(HeldPorts()))
        services = stack(Path(folder), ports, ())
        yield Stack(Path(folder), services, started)


@contextmanager
def running_stack(spec: str, replicas: int = 1, *, record_swaps: bool = False) -> Iterator[Stack]:
    """A stack that serves the model of `spec`."""
    with new_stack(replicas) as fresh:
        serving = [f"serving-{index}" for index in range(replicas)]
        fresh.start("param-server")
        fresh.wait_ready("param-server")
        fresh.register(spec)
        fresh.start("trainer")
        for label in serving:
            fresh.start(label, record_swaps=record_swaps)
        fresh.wait_ready("trainer", *serving)
        yield fresh
