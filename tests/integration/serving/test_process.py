"""``python -m riverrun_serving`` as a process of its own: starts, answers, stops in order and in time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx2 as httpx
import pytest

from tests.integration.serving.serving_stack import FRAUD, Stack, eventually

ROW = {"amount": 12.5, "hour": 7.0}


class Process:
    """A serving process and what it said."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said: list[str] = []
        self.reading = asyncio.create_task(self._read())
        self.url = ""

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.said.append(line.decode())

    async def ready(self) -> None:
        """Return once it is ready; knows its address then."""

        def port_is_known() -> bool:
            lines = [line for line in self.said if '"rest_port"' in line]
            if lines:
                self.url = f"http://127.0.0.1:{json.loads(lines[0])['rest_port']}"
            return bool(lines)

        await eventually(port_is_known, "it never said its ports", 60)
        async with httpx.AsyncClient(base_url=self.url, timeout=60) as http:

            async def answers() -> bool:
                return bool((await http.get("/readyz")).status_code == 200)

            await eventually(answers, "it never became ready", 60)


@pytest.fixture
async def process(stack: Stack) -> AsyncIterator[Process]:
    """A process that serves version 1 of `fraud`."""
    trainer = await stack.trainer(FRAUD)
    await trainer.push()
    settings = {"REST_PORT": "0", "GRPC_PORT": "0", "PARAM_SERVER": stack.address, "LOG_FORMAT": "json"}
    settings |= {"LINGER_S": "0.5", "DEADLINE_S": "60", "DRAIN_S": "60"}
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "riverrun_serving",
        env=os.environ | {f"RIVERRUN_SERVING_{key}": value for key, value in settings.items()},
        stderr=asyncio.subprocess.PIPE,
    )
    wrapped = Process(started)
    try:
        await wrapped.ready()
        yield wrapped
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()
        await wrapped.reading


async def test_a_term_signal_ends_it_with_0_within_seconds_and_fails_no_request(process: Process) -> None:
    statuses: list[int] = []

    async def ask(http: httpx.AsyncClient) -> None:
        while True:
            try:
                response = await http.post("/v1/models/fraud:predict", json={"features": ROW})
            except (httpx.ConnectError, httpx.ReadError):
                # Past its lingering it takes no connection: refused, or reset before it was taken.
                return
            except httpx.RemoteProtocolError:
                # A kept connection that was closed between two requests: nothing was begun.
                continue
            statuses.append(response.status_code)

    async with httpx.AsyncClient(base_url=process.url, timeout=60) as http:
        asking = [asyncio.create_task(ask(http)) for _ in range(4)]
        await eventually(lambda: len(statuses) > 50, "no answers")
        process.process.send_signal(signal.SIGTERM)
        returned = await asyncio.wait_for(process.process.wait(), 60)
        await asyncio.gather(*asking)

    assert returned == 0
    assert set(statuses) == {200}


async def test_a_taken_port_ends_it_with_1(stack: Stack, process: Process) -> None:
    settings: dict[str, Any] = {
        "REST_PORT": process.url.rsplit(":", 1)[1],
        "GRPC_PORT": "0",
        "PARAM_SERVER": stack.address,
    }
    second = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "riverrun_serving",
        env=os.environ | {f"RIVERRUN_SERVING_{key}": value for key, value in settings.items()},
        stderr=asyncio.subprocess.PIPE,
    )

    _, said = await asyncio.wait_for(second.communicate(), 60)

    assert second.returncode == 1
    assert b"Address already in use" in said
