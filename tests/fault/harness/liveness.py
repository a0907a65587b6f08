"""What a supervisor or a liveness probe does: it kills a trainer that is up and does not answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from tests.fault.harness.trainer import TrainerProcess

EVERY_S = 0.2
IN_A_ROW = 3
"""Probes, as a kubelet counts them: a machine that stands still fails one, however long it does."""


@asynccontextmanager
async def watched(trainer: TrainerProcess, silent_s: float) -> AsyncIterator[None]:
    """While the block runs the trainer is killed once some probes in a row, `silent_s` in all, failed."""
    watching = asyncio.create_task(_kill_when_silent(trainer, silent_s / IN_A_ROW))
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _kill_when_silent(trainer: TrainerProcess, probe_s: float) -> None:
    port, failed = 0, 0
    async with httpx2.AsyncClient(timeout=probe_s, trust_env=False) as http:
        while trainer.running:
            begun = time.monotonic()
            if not port:
                port = http_port(trainer)
            elif await _is_live(http, port):
                failed = 0
            else:
                failed += 1
                # One that fails at once is no shorter than one that waits.
                await asyncio.sleep(begun + probe_s - time.monotonic())
            if failed == IN_A_ROW:
                trainer.kill()
            await asyncio.sleep(EVERY_S)


def http_port(trainer: TrainerProcess) -> int:
    """Where it answers, once it is up; 0 before."""
    ups = [line for line in trainer.lines() if line.get("event") == "the trainer is up"]
    return int(ups[0]["http_port"]) if ups else 0


async def _is_live(http: httpx2.AsyncClient, port: int) -> bool:
    try:
        return (await http.get(f"http://127.0.0.1:{port}/livez")).status_code == 200
    except httpx2.HTTPError:
        return False
