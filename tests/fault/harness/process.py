"""A service as a real process, which a test may kill, stop, let go on and read the log of."""

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

DEADLINE_S = 120.0
"""For any one call: as much as a busy machine may take. No server is known to be gone by it."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How a process is started. `prefix` is a command before its own, such as strace's."""

    mutant: str = ""
    failpoint: str = ""
    prefix: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


class ServiceProcess:
    """``python -m module``, set up as `setup` says; killed with this process, should that end.

    `settings` are environment variables that `setup` may override.
    """

    def __init__(self, module: str, settings: Mapping[str, str], log: Path, setup: Setup) -> None:
        self.log = log
        self._lines: list[dict[str, Any]] = []
        bound = [sys.executable, "-I", "-S", riverrun.cli.up.parent_bound.__file__, str(os.getpid())]
        environment = {**os.environ, "PYTHONHASHSEED": "1", **settings, **setup.environment}
        if setup.failpoint:
            environment[failpoints.VARIABLE] = setup.failpoint
        self.started = time.monotonic()
        with log.open("ab") as output:
            self._offset = self._read_to = output.tell()
            self.process = subprocess.Popen(
                [*bound, *setup.prefix, sys.executable, "-m", module],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=mutated(environment, setup.mutant),
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def said(self) -> str:
        """Its output so far."""
        return self.log.read_bytes()[self._offset :].decode(errors="replace")

    def lines(self) -> list[dict[str, Any]]:
        """What it logged so far; each line is read once."""
        with self.log.open("rb") as log:
            log.seek(self._read_to)
            whole, ended, _ = log.read().rpartition(b"\n")
        self._read_to += len(whole) + len(ended)
        self._lines += [json.loads(line) for line in whole.splitlines() if line[:1] + line[-1:] == b"{}"]
        return self._lines

    def kill(self) -> None:
        """kill -9; it has ended when this returns. May be repeated."""
        if self.running:
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
            while self.running:
                await asyncio.sleep(0.005)
        return int(self.process.returncode)
