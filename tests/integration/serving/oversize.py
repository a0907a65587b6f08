"""Requests that are too large in one way each, as raw bytes."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Oversize:
    """A POST of which `body` follows the header lines `head`, over and over where it has no end.

    `status` is what it must be answered with.
    """

    why: str
    head: str
    body: bytes
    status: int
    endless: bool = False

    def __str__(self) -> str:
        return self.why


def oversizes(limit: int) -> list[Oversize]:
    """What is too much for a process that takes bodies of `limit` bytes, in every way there is."""
    chunk, piece = b"ffff\r\n" + b" " * 0xFFFF + b"\r\n", b"1\r\n \r\n"
    keys = ",".join(f'"k{number}":1' for number in range(limit // 14))
    return [
        Oversize("one byte over", f"Content-Length: {limit + 1}", b"", 413),
        Oversize("ten GiB, declared", f"Content-Length: {10 << 30}", b"", 413),
        Oversize("a length that is none", "Content-Length: 1e9", b"", 400),
        Oversize("a head of a MiB", "X: " + "y" * (1 << 20), b"", 413),
        Oversize("in chunks without end", "Transfer-Encoding: chunked", chunk, 413, endless=True),
        Oversize("in chunks of one byte", "Transfer-Encoding: chunked", 10_000 * piece, 413, endless=True),
        _whole("packed 1000:1", gzip.compress(b" " * (64 << 20)), 413, "Content-Encoding: gzip\r\n"),
        _whole("as deep as fits", b'{"features":' + b"[" * (limit - 20), 422),
        _whole("a key as often as fits", b'{"features":{' + b'"a":1,' * (limit // 8), 422),
        _whole("as many keys as fit", f'{{"features":{{{keys}}}}}'.encode(), 422),
    ]


def _whole(why: str, body: bytes, status: int, head: str = "") -> Oversize:
    return Oversize(why, f"{head}Content-Length: {len(body)}", body, status)


async def answer_to(request: Oversize, host: str, port: int, path: str, most: int) -> int:
    """The status of the answer. What has no end ends with about `most` bytes of its body."""
    reader, writer = await asyncio.open_connection(host, port)

    async def send() -> None:
        sent = 0
        writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\n{request.head}\r\n\r\n".encode())
        while sent < most:
            writer.write(request.body)
            sent += len(request.body)
            await writer.drain()
            if not request.endless:
                return

    sending = asyncio.create_task(send())
    try:
        first = await asyncio.wait_for(reader.readline(), 60)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.close()
    return int(first.split()[1])
