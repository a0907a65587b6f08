"""The hand-rolled design as processes: Redis, one trainer, and some uvicorn processes on own ports."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.processes import listening, python, running, wait_until
from riverrun.cli.up.ports import free_ports

MISSING = "redis-server is not installed; on Debian: apt-get install redis-server"


@dataclass(frozen=True, slots=True)
class HandRolled:
    """The running design."""

    rest_ports: list[int]
    pids: list[int]

    def swaps(self, index: int) -> list[tuple[int, int]]:
        """When process `index` took each model into use: (events learned, Unix ns)."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.rest_ports[index]}/swaps") as answer:
            return [(learned, at) for learned, at in json.load(answer)]


def is_available() -> bool:
    """Whether this machine has what the design needs."""
    return redis_server() is not None


def redis_server() -> str | None:
    """Where the program is, None where it is not installed."""
    return shutil.which("redis-server")


@contextmanager
def hand_rolled(replicas: int, model: object, learned: int = 0) -> Iterator[HandRolled]:
    """Run the design with `replicas` serving processes, all warm; stopped at the end.

    It begins with `model`, which `learned` events already.
    """
    redis_port, *rest_ports = free_ports(1 + replicas)
    with tempfile.TemporaryDirectory(prefix="riverrun-reference-") as name, ExitStack() as started:
        folder = Path(name)
        start_from = folder / "model.pickle"
        start_from.write_bytes(pickle.dumps((model, learned)))
        environment = {
            **os.environ,
            "REFERENCE_REDIS_PORT": str(redis_port),
            "REFERENCE_MODEL": str(start_from),
        }

        def start(label: str, command: list[str]) -> subprocess.Popen[bytes]:
            return started.enter_context(running(command, folder / f"{label}.log", env=environment))

        # In memory alone, as such a cache is usually run: it has nothing to sync at each event.
        memory_only = ["--save", "", "--appendonly", "no", "--dir", name]
        program = redis_server()
        if program is None:
            raise RuntimeError(MISSING)
        processes = [start("redis", [program, "--port", str(redis_port), *memory_only])]
        wait_until(partial(listening, redis_port), "redis")
        processes.append(start("trainer", python("benchmarks.reference.hand_rolled_trainer")))
        for index, port in enumerate(rest_ports):
            command = python("uvicorn", "benchmarks.reference.hand_rolled:app", "--port", str(port))
            processes.append(start(f"serving-{index}", [*command, "--no-access-log"]))
        system = HandRolled(rest_ports, [process.pid for process in processes])
        for index, port in enumerate(rest_ports):
            wait_until(partial(listening, port), f"serving process {index}")
            wait_until(lambda index=index: bool(system.swaps(index)), f"a model in process {index}")  # type: ignore[misc]
        yield system
