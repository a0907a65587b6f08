"""A load client for gRPC: one ready-made request, sent over and over by some concurrent callers."""

from __future__ import annotations

import asyncio
import time

import grpc
import numpy as np

from benchmarks.http_load import Load

DEADLINE_S = 30.0


async def closed_loop(port: int, method: str, message: bytes, *, concurrency: int, seconds: float) -> Load:
    """Send `message` over and over from each of `concurrency` callers, without decoding the answers.

    Raises what the server answers if that is an error.
    """
    sent_s: list[float] = []
    latencies_s: list[float] = []
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary(method)

        async def drive(until: float) -> None:
            while (sent := time.perf_counter()) < until:
                await call(message, timeout=DEADLINE_S)
                sent_s.append(sent)
                latencies_s.append(time.perf_counter() - sent)

        await call(message, timeout=DEADLINE_S)
        cpu, start = time.process_time(), time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(drive(start + seconds))
        elapsed = time.perf_counter() - start
        return Load(elapsed, np.array(sent_s), np.array(latencies_s), time.process_time() - cpu)
