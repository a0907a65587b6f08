"""HTTP/1.1 by hand, so that a test knows what each connection did."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping


class Gone(Exception):
    """The connection ended before an answer was whole. `begun` False: nothing of one had come."""

    def __init__(self, begun: bool) -> None:
        super().__init__("the connection ended inside an answer" if begun else "no answer came")
        self.begun = begun


class Link:
    """A connection to ``host:port``, kept for as long as the other side keeps it."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.opened = 0

    async def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Status and body. Raises OSError where it cannot connect, `Gone` where the connection ended."""
        if self._streams is None:
            host, _, port = self._address.rpartition(":")
            self._streams = await asyncio.open_connection(host, int(port))
            self.opened += 1
        reader, writer = self._streams
        given = {"host": self._address, "content-length": str(len(body)), **(headers or {})}
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {one}\r\n" for name, one in given.items())
        try:
            writer.write(head.encode() + b"\r\n" + body)
            lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
            answered = dict(line.split(b": ", 1) for line in lines[1:-2])
            answer = await reader.readexactly(int(answered[b"content-length"]))
        except asyncio.IncompleteReadError as error:
            self.close()
            raise Gone(bool(error.partial)) from error
        except OSError as error:
            self.close()
            raise Gone(False) from error
        if answered.get(b"connection") == b"close":
            self.close()
        return int(lines[0].split()[1]), answer

    def close(self) -> None:
        """End the connection; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def get(address: str, path: str) -> tuple[int, bytes]:
    """One GET over a connection of its own; status 0 where nothing answers."""
    link = Link(address)
    with contextlib.closing(link):
        try:
            return await link.ask("GET", path)
        except (OSError, Gone):
            return 0, b""
