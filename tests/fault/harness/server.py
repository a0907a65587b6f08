"""A parameter server as a real process, which a test may kill, trace, patch and restart."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import riverrun.cli.up.parent_bound
from riverrun.runtime import failpoints
from tests.fault.harness.mutation import mutated

START_S = 30.0


class DidNotStart(Exception):
    """The process ended, or said nothing, instead of answering; `status` is its exit status."""

    def __init__(self, status: int | None, said: str) -> None:
        super().__init__(f"the server did not start ({status}): {said[-1500:]}")
        self.status = status
        self.said = said


@dataclass(frozen=True, slots=True)
class Setup:
    """How the process is started. `prefix` is a command before its own, such as strace's."""

    mutant: str = ""
    failpoint: str = ""
    prefix: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


class ServerProcess:
    """One process over the data folder `data`; killed with this process, should that end."""

    def __init__(self, data: Path, log: Path, setup: Setup | None = None) -> None:
        setup = setup or Setup()
        self.data = data
        self._log = log
        bound = [sys.executable, "-I", "-S", riverrun.cli.up.parent_bound.__file__, str(os.getpid())]
        command = [*bound, *setup.prefix, sys.executable, "-m", "riverrun_param_server"]
        self.started = time.monotonic()
        with log.open("ab") as output:
            self._offset = output.tell()
            self.process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env=_environment(data, setup)
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    async def address(self) -> str:
        """host:port once it answers; raises `DidNotStart`."""
        while True:
            for line in self.lines():
                if line.get("event") == "the parameter server answers":
                    return f"127.0.0.1:{line['port']}"
            if self.process.poll() is not None or time.monotonic() > self.started + START_S:
                raise DidNotStart(self.process.poll(), self.said())
            await asyncio.sleep(0.01)

    def said(self) -> str:
        """Its output so far."""
        return self._log.read_bytes()[self._offset :].decode(errors="replace")

    def lines(self) -> list[dict[str, Any]]:
        """What it logged so far."""
        return [
            json.loads(line) for line in self.said().splitlines() if line.startswith("{") and line[-1] == "}"
        ]

    def kill(self) -> None:
        """kill -9; it has ended when this returns. May be repeated."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def pause(self) -> None:
        """SIGSTOP; every thread stands still when this returns."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def go_on(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    async def ended(self, within_s: float) -> int:
        """Its exit status; raises TimeoutError."""
        async with asyncio.timeout(within_s):
            while self.process.poll() is None:
                await asyncio.sleep(0.005)
        return int(self.process.returncode)


def _environment(data: Path, setup: Setup) -> dict[str, str]:
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "1",
        "RIVERRUN_PARAM_SERVER_PORT": "0",
        "RIVERRUN_PARAM_SERVER_HTTP_PORT": "0",
        "RIVERRUN_PARAM_SERVER_DATA": str(data),
        "RIVERRUN_PARAM_SERVER_LOG_FORMAT": "json",
        **setup.environment,
    }
    if setup.failpoint:
        environment[failpoints.VARIABLE] = setup.failpoint
    return mutated(environment, setup.mutant)
