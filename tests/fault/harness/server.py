"""A parameter server as a real process, which a test may kill, trace, patch and restart."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from tests.fault.harness.process import ServiceProcess, Setup

__all__ = ["DidNotStart", "ServerProcess", "Setup"]

START_S = 120.0


class DidNotStart(Exception):
    """The process ended, or said nothing, instead of answering; `status` is its exit status."""

    def __init__(self, status: int | None, said: str) -> None:
        super().__init__(f"the server did not start ({status}): {said[-1500:]}")
        self.status = status
        self.said = said


class ServerProcess(ServiceProcess):
    """One process over the data folder `data`."""

    def __init__(self, data: Path, log: Path, setup: Setup | None = None) -> None:
        self.data = data
        settings = {
            "RIVERRUN_PARAM_SERVER_PORT": "0",
            "RIVERRUN_PARAM_SERVER_HTTP_PORT": "0",
            "RIVERRUN_PARAM_SERVER_DATA": str(data),
            "RIVERRUN_PARAM_SERVER_LOG_FORMAT": "json",
        }
        super().__init__("riverrun_param_server", settings, log, setup or Setup())

    async def address(self) -> str:
        """host:port once it answers; raises `DidNotStart`."""
        while True:
            for line in self.lines():
                if line.get("event") == "the parameter server answers":
                    return f"127.0.0.1:{line['port']}"
            if self.process.poll() is not None or time.monotonic() > self.started + START_S:
                raise DidNotStart(self.process.poll(), self.said())
            await asyncio.sleep(0.01)
