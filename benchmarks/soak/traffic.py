"""Labels and predictions at an even rate, by clients that try elsewhere what one process does not answer."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import grpc
import numpy as np

from benchmarks.http_load import Connection, post
from benchmarks.soak.subjects import (
    INFER,
    SUBJECTS,
    Row,
    feedback_body,
    infer_request,
    predict_body,
    rows,
)

CALL_S = 10.0
AGAIN_S = 0.2
LEARNED_S = 60.0
KEPT_CONNECTIONS = 8
"""Idle connections that a client keeps to each process."""

CHANNEL_OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
]


@dataclass
class Record:
    """What clients saw. Latencies are of first tries that were answered."""

    latencies_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    counts: Counter[str] = field(default_factory=Counter)
    acknowledged: Counter[str] = field(default_factory=Counter)
    """Labels by model, each of an id of its own."""

    def take_latencies(self) -> dict[str, dict[str, float]]:
        """Percentiles in milliseconds since the last call, by kind."""
        taken, self.latencies_s = self.latencies_s, defaultdict(list)
        return {
            kind: {
                "count": len(seen),
                "p50": round(float(np.percentile(seen, 50)) * 1e3, 3),
                "p99": round(float(np.percentile(seen, 99)) * 1e3, 3),
            }
            for kind, seen in sorted(taken.items())
        }


def _bytes(request: Any) -> bytes:
    return bytes(request.SerializeToString())


async def _try_infer(call: Any, request: Any) -> str:
    """Empty when it was answered, or why not."""
    try:
        await call(request, timeout=CALL_S)
    except grpc.aio.AioRpcError as error:
        return str(error.code().name)
    return ""


class RestServer:
    """Kept connections to one serving process."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Connection] = []

    async def ask(self, message: bytes) -> tuple[int, bytes]:
        """Status and body; raises OSError or TimeoutError where nothing answers."""
        connection = await self._connection()
        try:
            async with asyncio.timeout(CALL_S):
                answer = await connection.request(message)
        except BaseException:
            connection.close()
            raise
        if len(self._idle) < KEPT_CONNECTIONS:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    async def _connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(Connection, "127.0.0.1", self._port))[1]


class Traffic:
    """Clients of every model; `run` never returns."""

    def __init__(self, rest_ports: Sequence[int], grpc_ports: Sequence[int], seed: int) -> None:
        self.record = Record()
        self._rest = [RestServer(port) for port in rest_ports]
        self._grpc_ports = grpc_ports
        self._seed = seed
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Send nothing new; `run` returns once every label is acknowledged."""
        self._stopped.set()

    async def run(self, labels_per_s: float, predictions_per_s: float) -> None:
        """Labels for each model at one rate, predictions of all models together at the other."""
        async with asyncio.TaskGroup() as group:
            for number, subject in enumerate(SUBJECTS):
                group.create_task(self._labels(subject.name, labels_per_s, self._seed + number))
            group.create_task(self._predictions(predictions_per_s))

    async def _labels(self, model: str, rate: float, seed: int) -> None:
        stream = rows(seed)

        def begin(number: int) -> Any:
            body = feedback_body(f"{model}-{number}", next(stream))
            return self._label(model, post(f"/v1/models/{model}:feedback", body), number)

        await self._evenly(rate, begin)

    async def _label(self, model: str, message: bytes, number: int) -> None:
        started = time.perf_counter()
        for attempt in range(10_000):
            if attempt:
                self.record.counts["labels sent again"] += 1
                await asyncio.sleep(AGAIN_S)
            try:
                status, body = await self._rest[(number + attempt) % len(self._rest)].ask(message)
            except (OSError, TimeoutError):
                continue
            if status == 202:
                self.record.acknowledged[model] += 1
                if not attempt:
                    self.record.latencies_s["feedback"].append(time.perf_counter() - started)
                return
            if status != 503:
                raise RuntimeError(f"a label was answered {status}: {body[:200]!r}")
        raise RuntimeError(f"label {number} of {model} was never acknowledged")

    async def _predictions(self, rate: float) -> None:
        stream = rows(self._seed + 1000)
        channels = [
            grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS)
            for port in self._grpc_ports
        ]
        calls = [channel.unary_unary(INFER, _bytes) for channel in channels]

        def begin(number: int) -> Any:
            model = SUBJECTS[number % len(SUBJECTS)].name
            turn = number // len(SUBJECTS)
            if turn % 2:
                return self._infer(calls, model, next(stream), turn // 2)
            return self._predict(model, next(stream), turn // 2)

        try:
            await self._until_learned(calls, next(stream))
            await self._evenly(rate, begin)
        finally:
            for channel in channels:
                await channel.close()

    async def _until_learned(self, calls: Sequence[Any], row: Row) -> None:
        """A forest that has seen no label has no class to answer with."""
        async with asyncio.timeout(LEARNED_S):
            for call in calls:
                for subject in SUBJECTS:
                    while await _try_infer(call, infer_request(subject.name, row)):
                        await asyncio.sleep(AGAIN_S)

    async def _predict(self, model: str, row: Row, turn: int) -> None:
        message = post(f"/v1/models/{model}:predict", predict_body(row))

        async def once(server: RestServer) -> str:
            try:
                status, _ = await server.ask(message)
            except (OSError, TimeoutError) as error:
                return type(error).__name__
            return "" if status == 200 else str(status)

        await self._answered("REST", turn, [partial(once, server) for server in self._rest])

    async def _infer(self, calls: Sequence[Any], model: str, row: Row, turn: int) -> None:
        request = infer_request(model, row)

        await self._answered("gRPC", turn, [partial(_try_infer, call, request) for call in calls])

    async def _answered(self, protocol: str, turn: int, tries: Sequence[Callable[[], Any]]) -> None:
        """Ask one process, and the others where it fails; each of `tries` gives why it failed, or nothing."""
        for attempt in range(len(tries)):
            started = time.perf_counter()
            failed = await tries[(turn + attempt) % len(tries)]()
            if not failed:
                if not attempt:
                    self.record.latencies_s[protocol].append(time.perf_counter() - started)
                self.record.counts[f"{protocol} answers"] += 1
                return
            self.record.counts[f"{protocol} tries that failed: {failed}"] += 1
        self.record.counts[f"{protocol} unanswered"] += 1

    async def _evenly(self, rate: float, begin: Callable[[int], Any]) -> None:
        """Begin one after the other at an even rate; return when stopped and all that was begun is done."""
        start, number = time.perf_counter(), 0
        async with asyncio.TaskGroup() as group:
            while not self._stopped.is_set():
                group.create_task(begin(number))
                number += 1
                if (ahead := start + number / rate - time.perf_counter()) > 0:
                    await asyncio.sleep(ahead)
                elif ahead < -1:
                    # What was missed for more than a second is not made up for in a burst.
                    start -= ahead
