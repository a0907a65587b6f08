"""A load client for HTTP/1.1 that costs little: ready-made request bytes over kept connections.

It reads only what it must: the status, and a body whose length the server gives. Client and server share
the machine, so what the client costs is measured with the rest.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HEADER_END = b"\r\n\r\n"
LENGTH = b"content-length:"
DEADLINE_S = 30.0


@dataclass(frozen=True, slots=True)
class Load:
    """What a closed loop saw. `sent_s` has when each request was sent, by ``time.perf_counter``.

    `latencies_s` holds every answer's; `client_cpu_s` is this process's cost.
    """

    seconds: float
    sent_s: NDArray[np.float64]
    latencies_s: NDArray[np.float64]
    client_cpu_s: float

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return len(self.latencies_s) / self.seconds


def post(path: str, body: bytes, content_type: str = "application/json") -> bytes:
    """The bytes of a POST."""
    head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {content_type}\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def get(path: str) -> bytes:
    """The bytes of a GET."""
    return f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()


class Connection(asyncio.Protocol):
    """One kept connection that carries one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_end = self._received.find(HEADER_END)
        if head_end < 0:
            return
        head = bytes(self._received[:head_end]).lower()
        at = head.find(LENGTH)
        length = int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        total = head_end + len(HEADER_END) + length
        if len(self._received) < total or self._answer is None:
            return
        body = bytes(self._received[head_end + len(HEADER_END) : total])
        self._received.clear()
        answer, self._answer = self._answer, None
        if not answer.done():
            answer.set_result((int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the server closed the connection"))

    async def request(self, message: bytes) -> tuple[int, bytes]:
        """Send `message` and wait for the answer's status and body; ConnectionError when it is closed."""
        assert self._transport is not None
        if self._transport.is_closing():
            raise ConnectionError("the server closed the connection")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(message)
        return await self._answer

    @property
    def is_open(self) -> bool:
        """Whether the server has not closed it."""
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        """Let the connection go."""
        if self._transport is not None:
            self._transport.close()


@asynccontextmanager
async def connections(port: int, count: int) -> AsyncIterator[list[Connection]]:
    """`count` open connections to a port of this machine."""
    loop = asyncio.get_running_loop()
    opened = [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(count)]
    try:
        yield opened
    finally:
        for connection in opened:
            connection.close()


async def closed_loop(port: int, message: bytes, *, concurrency: int, seconds: float) -> Load:
    """Send the same request over and over on each of `concurrency` connections.

    Raises RuntimeError at the first answer that is not 200.
    """
    sent_s: list[float] = []
    latencies_s: list[float] = []

    async def drive(connection: Connection, until: float) -> None:
        while (sent := time.perf_counter()) < until:
            status, body = await connection.request(message)
            if status != 200:
                raise RuntimeError(f"answered {status}: {body[:200]!r}")
            sent_s.append(sent)
            latencies_s.append(time.perf_counter() - sent)

    async with connections(port, concurrency) as opened:
        cpu, start = time.process_time(), time.perf_counter()
        async with asyncio.timeout(seconds + DEADLINE_S), asyncio.TaskGroup() as group:
            for connection in opened:
                group.create_task(drive(connection, start + seconds))
        elapsed = time.perf_counter() - start
        return Load(elapsed, np.array(sent_s), np.array(latencies_s), time.process_time() - cpu)
