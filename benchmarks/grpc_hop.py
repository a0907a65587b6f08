"""What a message over a gRPC stream takes, there and back, by how gRPC's core waits for sockets.

The messages come some milliseconds apart, as labels do: mostly it is threads that have to be woken.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
import uvloop

from benchmarks.figures import against
from benchmarks.processes import python
from riverrun.rpc.transport import OLDER_POLLER

METHOD = "/benchmark.Echo/Stream"
MESSAGE = bytes(600)
MESSAGES = 1000
GAP_S = 0.005
ROUNDS = 3
SWITCH = "GRPC_EXPERIMENTS"


async def _echo(requests: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request


async def _serve() -> None:
    server = grpc.aio.server()
    handler = grpc.stream_stream_rpc_method_handler(_echo)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("benchmark.Echo", {"Stream": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


async def _drive(port: int) -> None:
    took = []
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call: Any = channel.stream_stream(METHOD)()
        for _ in range(MESSAGES):
            begun = time.perf_counter()
            await call.write(MESSAGE)
            await call.read()
            took.append(time.perf_counter() - begun)
            await asyncio.sleep(GAP_S)
        call.cancel()
    print(1000 * float(np.median(took)))


def median_ms(switch: str) -> float:
    """Median milliseconds of a round trip, client and server both with `switch` in their environment."""
    environment = os.environ | {SWITCH: switch}
    serving = python("benchmarks.grpc_hop", "serve")
    with subprocess.Popen(serving, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout is not None
            driving = python("benchmarks.grpc_hop", "drive", server.stdout.readline().strip())
            return float(subprocess.check_output(driving, text=True, env=environment))
        finally:
            server.terminate()


def main() -> None:
    match sys.argv[1:]:
        case ["serve"]:
            uvloop.run(_serve())
        case ["drive", port]:
            uvloop.run(_drive(int(port)))
        case _:
            rounds = [(median_ms(OLDER_POLLER), median_ms("")) for _ in range(ROUNDS)]
            ours, theirs = (float(np.median(column)) for column in zip(*rounds, strict=True))
            reference = "gRPC as it comes"
            note = f"a message of {len(MESSAGE)} bytes every {1000 * GAP_S:g} ms over one stream, and back"
            figure = against(
                "grpc_hop", ours, "ms", reference=reference, reference_value=theirs, better="lower", note=note
            )
            print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
