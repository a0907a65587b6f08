"""A TCP link that misbehaves on request: between a client and one server, in this process.

What is set applies to connections that are open as well as to new ones. Faults of one direction say
which: "up" is from the client to the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

Direction = Literal["up", "down"]
PIECE = 64 << 10


@dataclass
class Faults:
    """What one direction of the link does to what passes. All may be changed at any time.

    `latency_s` and `jitter_s` delay each piece, in order; `bytes_per_s` 0 is without bound; `slice_bytes` 0
    leaves pieces whole. A `silent` link takes bytes and passes none on, as one does whose other end has
    gone. After `cut_after` more bytes the connection is reset; None: never.
    """

    latency_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: float = 0.0
    slice_bytes: int = 0
    silent: bool = False
    cut_after: int | None = None


@dataclass(eq=False)
class _Connection:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    half_open: bool = False

    def reset(self) -> None:
        """End both halves at once, with RST."""
        for writer in (self.client, self.server):
            with contextlib.suppress(OSError, AttributeError):
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()


class Proxy:
    """The link to ``host:port``, at `address`. `passed` counts bytes; `last` is where the last ones went."""

    def __init__(self, target: str, rng: random.Random | None = None) -> None:
        self.target = target
        self.up = Faults()
        self.down = Faults()
        self.refusing = False
        self.passed = {"up": 0, "down": 0}
        self.last: Direction = "down"
        self._rng = rng or random.Random(0)
        self.accepted = 0
        self._open: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._port = 0

    @property
    def address(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self._port}"

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._open)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[Proxy]:
        """The link stands while the block runs."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.reset()
            # Also those whose other half is only being connected.
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()
            # A transport is closed by the loop's next round.
            await asyncio.sleep(0.01)

    def reset(self) -> None:
        """Reset every open connection."""
        for connection in list(self._open):
            connection.reset()

    def partition(self) -> None:
        """Pass nothing more in either direction, and say nothing; `heal` ends it."""
        self.up.silent = self.down.silent = True

    def go_half_open(self) -> None:
        """Open connections pass nothing more for good, and say nothing; new ones are as they were."""
        for connection in self._open:
            connection.half_open = True

    def lose_replies(self) -> None:
        """Requests arrive, answers do not; `heal` ends it."""
        self.down.silent = True

    def heal(self) -> None:
        """Be a good link again. What was swallowed is lost, so connections that lost something are reset."""
        if self.up.silent or self.down.silent:
            self.reset()
        self.up, self.down, self.refusing = Faults(), Faults(), False

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await asyncio.wait([task])
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self.target.rpartition(":")
        try:
            if self.refusing:
                raise ConnectionRefusedError
            server_reader, server_writer = await asyncio.open_connection(host, int(port))
        except OSError:
            writer.transport.abort()
            return
        connection = _Connection(writer, server_writer)
        self._open.add(connection)
        self.accepted += 1
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_on(reader, server_writer, "up", connection))
                group.create_task(self._pass_on(server_reader, writer, "down", connection))
        except* (OSError, asyncio.IncompleteReadError):
            connection.reset()
        finally:
            self._open.discard(connection)
            writer.close()
            server_writer.close()

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        direction: Direction,
        connection: _Connection,
    ) -> None:
        while piece := await reader.read(PIECE):
            faults = self.up if direction == "up" else self.down
            if faults.silent or connection.half_open:
                continue
            if faults.latency_s or faults.jitter_s:
                await asyncio.sleep(faults.latency_s + self._rng.random() * faults.jitter_s)
            step = faults.slice_bytes or len(piece)
            for start in range(0, len(piece), step):
                part = piece[start : start + step]
                if faults.cut_after is not None and len(part) >= faults.cut_after:
                    writer.write(part[: faults.cut_after])
                    await writer.drain()
                    faults.cut_after = None
                    connection.reset()
                    return
                if faults.cut_after is not None:
                    faults.cut_after -= len(part)
                if faults.bytes_per_s:
                    await asyncio.sleep(len(part) / faults.bytes_per_s)
                writer.write(part)
                await writer.drain()
                self.passed[direction] += len(part)
                self.last = direction
        with contextlib.suppress(OSError):
            writer.write_eof()
