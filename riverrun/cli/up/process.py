"""One process of a service: started so that it cannot outlive its supervisor, and stopped with a bound."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from riverrun.cli.up.services import Service

_PARENT_BOUND = Path(__file__).with_name("parent_bound.py")


class Process:
    """A running process in a session of its own, so that a Ctrl-C at the terminal reaches only `up`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    async def wait(self) -> int:
        """The exit status once the process ended; negative for the signal that ended it."""
        return await self._process.wait()

    async def stop(self, within_s: float) -> bool:
        """Ask the process to end, kill it after `within_s`; whether it ended on its own. May be repeated."""
        self.signal(signal.SIGTERM)
        try:
            # Not wait_for: in Python 3.11 it swallows a cancellation that comes with the end.
            async with asyncio.timeout(within_s):
                await self._process.wait()
        except TimeoutError:
            self.signal(signal.SIGKILL)
            await self._process.wait()
            return False
        return True

    def signal(self, number: signal.Signals) -> None:
        """Send `number`; nothing happens when the process is gone."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)


async def start(service: Service, log: Path) -> Process:
    """Start `service`, adding to `log`."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            str(_PARENT_BOUND),
            str(os.getpid()),
            sys.executable,
            "-m",
            service.module,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **service.environment},
            start_new_session=True,
        )
    return Process(process)


def describe_exit(status: int) -> str:
    """How a process ended, in words."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
