"""Connections that are slow on purpose, as raw sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def opened(host: str, port: int, count: int, begins: Sequence[bytes]) -> AsyncIterator[list[Streams]]:
    """`count` connections that send one of `begins` each, in turn, and then nothing."""
    streams = [await asyncio.open_connection(host, port) for _ in range(count)]
    try:
        for number, (_, writer) in enumerate(streams):
            writer.write(begins[number % len(begins)])
        yield streams
    finally:
        for _, writer in streams:
            writer.close()


def begins_of(request: bytes) -> list[bytes]:
    """Nothing, and what a client has sent of `request` that stops in its first line, its head or its body."""
    return [b"", request[:12], request[:40], request[:-1]]
