"""A whole stack for tests: `riverrun up` as a child process, on free ports, always ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx2

import riverrun.cli.up.parent_bound
from riverrun.client import Client
from riverrun.client.run_folder import RunFolder, ServiceRecord

T = TypeVar("T")

READY_S = 150.0
STOP_S = 60.0
PATIENCE_S = 60.0
"""What one call may take: a machine that stands still for some seconds fails no test."""


def eventually(check: Callable[[], T], *, within_s: float = 60.0, what: str = "it") -> T:
    """The first truthy answer of `check`; fails when there is none within `within_s`."""
    deadline = time.monotonic() + within_s
    while not (found := check()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {within_s:g} s; last: {found!r}")
        time.sleep(0.02)
    return found


def is_running(pid: int) -> bool:
    """Whether the process is there and has not ended; one that waits to be reaped has."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


class Stack:
    """A running stack. `data` is its data folder, `server` and `servings` are its addresses."""

    def __init__(
        self,
        specs: Sequence[Path],
        data: Path,
        *,
        replicas: int = 1,
        options: Sequence[str] = (),
        program: Sequence[str] = ("-m", "riverrun.cli"),
    ):
        self.data = data
        self._said = data.with_suffix(".said")
        files = [part for spec in specs for part in ("--file", str(spec))]
        command = [
            *(sys.executable, *program, "up", *files, "--data", str(data)),
            *("--rest-port", "0", "--replicas", str(replicas), "--output", "json", *options),
        ]
        # Killed with the test run, should that be killed: nothing of a stack may stay behind.
        bound = [sys.executable, "-I", "-S", riverrun.cli.up.parent_bound.__file__, str(os.getpid())]
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                bound + command, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
            )

    def wait_ready(self, within_s: float = READY_S) -> Stack:
        """Wait until everything answers."""

        def ready() -> bool:
            if self.process.poll() is not None:
                raise AssertionError(f"riverrun up ended: {self.said()}")
            return any(event.get("event") == "ready" for event in self.events())

        try:
            eventually(ready, within_s=within_s, what="ready")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.said()}\n{self.logs()}") from None
        return self

    def events(self) -> list[dict[str, Any]]:
        """What `riverrun up` said so far."""
        found = []
        for line in self.said().splitlines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return found

    def said(self) -> str:
        """Its whole output."""
        return self._said.read_text()

    def logs(self) -> str:
        """The ends of all logs, for a test that fails."""
        paths = sorted((self.data / "run").glob("*.log"))
        return "\n".join(f"== {path.name}\n{path.read_text()[-3000:]}" for path in paths)

    def records(self) -> list[ServiceRecord]:
        """What the run folder names."""
        return RunFolder(self.data).read()

    def record(self, name: str) -> ServiceRecord:
        """The process called `name`: ``param-server``, ``trainer``, ``serving-0``."""
        return next(record for record in self.records() if record.name == name)

    @property
    def server(self) -> str:
        """host:port of the parameter server."""
        return f"127.0.0.1:{self.record('param-server').ports['grpc']}"

    @property
    def servings(self) -> list[str]:
        """Base URLs of the serving processes."""
        return [f"http://127.0.0.1:{r.ports['rest']}" for r in self.records() if r.service == "serving"]

    def client(self, serving: str = "") -> Client:
        """A patient client of it, by default of its first serving process."""
        return Client(server=self.server, serving=serving or self.servings[0], timeout_s=PATIENCE_S)

    def kill(self, name: str) -> ServiceRecord:
        """Kill -9 a service, and wait until it is ready again; its record before."""
        before = self.record(name)
        os.kill(before.pid, signal.SIGKILL)
        eventually(lambda: self.record(name).pid != before.pid, what=f"a new {name}")
        eventually(lambda: self.is_ready(name), what=f"a ready {name}")
        return before

    def is_ready(self, name: str) -> bool:
        """Whether the process called `name` says that it is."""
        ports = self.record(name).ports
        try:
            return httpx2.get(f"http://127.0.0.1:{ports.get('rest') or ports['http']}/readyz").is_success
        except httpx2.HTTPError:
            return False

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Ask it to stop and wait; the exit status. Kills it when it does not end. May be repeated."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"riverrun up did not stop: {self.said()}") from None
