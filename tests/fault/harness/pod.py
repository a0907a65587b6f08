"""A serving process that a test may kill, signal and patch."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import riverrun.cli.up.parent_bound
from riverrun.runtime import failpoints
from tests.fault.harness.links import get
from tests.fault.harness.mutation import mutated

START_S = 120.0


class Pod:
    """One ``python -m riverrun_serving`` that reads from `param_server`; killed with this process."""

    def __init__(
        self,
        param_server: str,
        log: Path,
        *,
        mutant: str = "",
        failpoint: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`environment` are settings without their prefix, such as ``LINGER_S``; `mutant` see `mutation`."""
        settings = {
            "PARAM_SERVER": param_server,
            "REST_PORT": "0",
            "GRPC_PORT": "0",
            "LOG_FORMAT": "json",
            "LINGER_S": "0",
            **(environment or {}),
        }
        named = {f"RIVERRUN_SERVING_{key}": value for key, value in settings.items()}
        named |= {failpoints.VARIABLE: failpoint} if failpoint else {}
        bound = [sys.executable, "-I", "-S", riverrun.cli.up.parent_bound.__file__, str(os.getpid())]
        self._log = log
        self._ports: dict[str, Any] = {}
        self.started = time.monotonic()
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [*bound, sys.executable, "-m", "riverrun_serving"],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=mutated({**os.environ, "PYTHONHASHSEED": "1", **named}, mutant),
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def rest(self) -> str:
        """host:port of REST, once `answers` returned."""
        return f"127.0.0.1:{self._ports['rest_port']}"

    @property
    def grpc(self) -> str:
        """host:port of gRPC, once `answers` returned."""
        return f"127.0.0.1:{self._ports['grpc_port']}"

    async def answers(self) -> Pod:
        """Itself, once its ports are bound; fails where it ends instead."""
        while not self._ports:
            for line in self.lines():
                if line.get("event") == "serving":
                    self._ports = line
            assert self.process.poll() is None, f"the pod ended: {self.said()[-2000:]}"
            assert time.monotonic() < self.started + START_S, f"the pod is silent: {self.said()[-2000:]}"
            await asyncio.sleep(0.01)
        return self

    async def ready(self, within_s: float = START_S) -> Pod:
        """Itself, once ``/readyz`` says so."""
        await self.answers()
        async with asyncio.timeout(within_s):
            while (await get(self.rest, "/readyz"))[0] != 200:
                await asyncio.sleep(0.02)
        return self

    async def status(self, model: str) -> dict[str, Any]:
        """What it says of the channel ``live`` of `model`."""
        status, body = await get(self.rest, f"/v1/models/{model}")
        assert status == 200, body
        live: dict[str, Any] = json.loads(body)["channels"]["live"]
        return live

    async def reaches(self, model: str, version: int, within_s: float = 60.0) -> None:
        """Return once `model` answers with `version`."""
        async with asyncio.timeout(within_s):
            while (await self.status(model))["version"] != version:
                await asyncio.sleep(0.02)

    async def metric(self, name: str) -> float:
        """The sum of all series called `name`."""
        _, body = await get(self.rest, "/metrics")
        lines = [line for line in body.decode().splitlines() if line.startswith((name + "{", name + " "))]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def said(self) -> str:
        """Its output so far."""
        return self._log.read_text(errors="replace")

    def lines(self) -> list[dict[str, Any]]:
        """What it logged so far."""
        said = self.said().splitlines()
        return [json.loads(line) for line in said if line.startswith("{") and line[-1] == "}"]

    def terminate(self) -> None:
        """SIGTERM."""
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9; it has ended when this returns. May be repeated."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    async def ended(self, within_s: float) -> int:
        """Its exit status; raises TimeoutError."""
        async with asyncio.timeout(within_s):
            while self.process.poll() is None:
                await asyncio.sleep(0.01)
        return int(self.process.returncode)
