"""`riverrun up` as a child process: on free ports, with a data folder of its own, and always stopped."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READY_S = 60.0
STOP_S = 20.0


class StackFailed(Exception):
    """riverrun did not come to the point where flights can be served; the message says what is known."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the services listen on this machine."""

    serving: str
    serving_metrics: str
    param_server: str
    param_server_metrics: str


@contextlib.asynccontextmanager
async def riverrun_up(spec: Path, data: Path) -> AsyncIterator[Addresses]:
    """Run all three services with the model of `spec` until the block is left, however that comes about."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "riverrun.cli", "up", "--file", str(spec), "--data", str(data)),
        *("--rest-port", "0", "--output", "json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        # Ctrl-C in the terminal is for the demo alone: it then stops its child in order.
        start_new_session=True,
    )
    assert process.stdout is not None
    ready: asyncio.Future[Addresses] = asyncio.get_running_loop().create_future()
    listening = asyncio.create_task(_listen(process.stdout, ready))
    try:
        async with asyncio.timeout(READY_S):
            yield_to = await ready
        yield yield_to
    finally:
        await asyncio.shield(_stop(process, listening))


async def _listen(output: asyncio.StreamReader, ready: asyncio.Future[Addresses]) -> None:
    """Read what the child says to its end, so that it never waits for us."""
    last: deque[str] = deque(maxlen=20)
    async for line in output:
        last.append(line.decode(errors="replace"))
        if not ready.done() and (addresses := _addresses(line)) is not None:
            ready.set_result(addresses)
    if not ready.done():
        ready.set_exception(StackFailed("riverrun did not start:\n" + "".join(last)))


def _addresses(line: bytes) -> Addresses | None:
    try:
        said: Any = json.loads(line)
    except ValueError:
        return None
    if not isinstance(said, dict) or said.get("event") != "ready":
        return None
    ports = {service["service"]: service["ports"] for service in said["services"]}
    serving, param_server = ports["serving"], ports["param-server"]
    return Addresses(
        serving=f"http://127.0.0.1:{serving['rest']}",
        serving_metrics=f"http://127.0.0.1:{serving['rest']}/metrics",
        param_server=f"127.0.0.1:{param_server['grpc']}",
        param_server_metrics=f"http://127.0.0.1:{param_server['http']}/metrics",
    )


async def _stop(process: asyncio.subprocess.Process, listening: asyncio.Task[None]) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
    await listening
