"""The services of a retrain as processes of their own, started again when they die, as a supervisor does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from riverrun.runtime.failpoints import EXIT_STATUS

COMMON = {"PYTHONHASHSEED": "1", "RIVERRUN_TRAINER_REPORT_EVERY_S": "0.2"}


class Processes:
    """Keeps processes running. Each may be given one failpoint, which is not armed when it starts again."""

    def __init__(self, data: Path, port: int) -> None:
        self.address = f"127.0.0.1:{port}"
        self._environments: dict[str, Mapping[str, str]] = {
            "server": {
                "RIVERRUN_PARAM_SERVER_DATA": str(data),
                "RIVERRUN_PARAM_SERVER_PORT": str(port),
                "RIVERRUN_PARAM_SERVER_HTTP_PORT": "0",
                "RIVERRUN_PARAM_SERVER_LEASE_S": "2",
            },
            "trainer": self._trainer(),
        }
        self._keeping: list[asyncio.Task[None]] = []
        self.running: dict[str, asyncio.subprocess.Process] = {}
        self.ended: dict[str, list[int]] = {}
        """By name, the statuses that its processes ended with."""

    def keep(self, name: str, failpoint: str = "") -> None:
        """Start ``server`` or ``trainer``, and again whenever it ends."""
        self._keeping.append(asyncio.create_task(self._keep(name, failpoint)))

    def keep_retrain(self, line: int, failpoint: str = "") -> None:
        """Start the process of a retrain, and again unless it ends by itself."""
        self._environments["retrain"] = self._trainer() | {"RIVERRUN_TRAINER_RETRAIN": f"toy:{line}"}
        self.keep("retrain", failpoint)

    async def until_ended(self, name: str, status: int) -> None:
        """Return once a process of that name has ended with `status`."""
        async with asyncio.timeout(60):
            while status not in self.ended.get(name, []):
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Kill everything."""
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)

    async def _keep(self, name: str, failpoint: str) -> None:
        while True:
            process = await self._start(name, failpoint)
            self.running[name] = process
            try:
                status = await process.wait()
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
            self.ended.setdefault(name, []).append(status)
            if status == EXIT_STATUS:
                failpoint = ""
            if name == "retrain" and status == 0:
                return

    async def _start(self, name: str, failpoint: str) -> asyncio.subprocess.Process:
        module = "riverrun_param_server" if name == "server" else "riverrun_trainer"
        armed = {"RIVERRUN_FAILPOINT": failpoint} if failpoint else {}
        environment = os.environ | COMMON | self._environments[name] | armed
        return await asyncio.create_subprocess_exec(sys.executable, "-m", module, env=environment)

    def _trainer(self) -> dict[str, str]:
        return {"RIVERRUN_TRAINER_PARAM_SERVER": self.address, "RIVERRUN_TRAINER_HTTP_PORT": "0"}


@contextlib.asynccontextmanager
async def processes(data: Path, port: int) -> AsyncIterator[Processes]:
    """No process is left when the block ends."""
    found = Processes(data, port)
    try:
        yield found
    finally:
        await found.stop()
