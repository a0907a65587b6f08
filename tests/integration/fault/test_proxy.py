"""The link of the fault tests does what it says, so that what they show was really shown."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from tests.fault.harness.proxy import Proxy


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with Proxy(f"127.0.0.1:{server.sockets[0].getsockname()[1]}").listening() as link:
        yield link
    server.close()


@contextlib.asynccontextmanager
async def connected(proxy: Proxy) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, _, port = proxy.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def rest_of(reader: asyncio.StreamReader) -> bytes:
    """What comes until the connection ends, however it does."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while part := await reader.read(100):
            got += part
    return got


async def said_back(proxy: Proxy, body: bytes) -> float:
    """Seconds until `body` came back whole."""
    async with connected(proxy) as (reader, writer):
        started = time.monotonic()
        writer.write(body)
        assert await reader.readexactly(len(body)) == body
        return time.monotonic() - started


async def is_silent(reader: asyncio.StreamReader) -> bool:
    """Whether nothing comes, not even an end, for a while."""
    try:
        async with asyncio.timeout(0.1):
            await reader.read(1)
    except TimeoutError:
        return True
    return False


async def test_a_good_link_passes_everything(proxy: Proxy) -> None:
    await said_back(proxy, bytes(range(256)) * 1000)

    assert proxy.passed == {"up": 256_000, "down": 256_000}


async def test_latency_is_added(proxy: Proxy) -> None:
    proxy.up.latency_s, proxy.up.jitter_s = 0.05, 0.02

    assert await said_back(proxy, b"abc") >= 0.05


async def test_bandwidth_is_bounded_and_slices_are_joined_again(proxy: Proxy) -> None:
    proxy.down.bytes_per_s, proxy.down.slice_bytes = 100_000, 1000

    assert await said_back(proxy, bytes(10_000)) >= 0.09


async def test_a_partition_swallows_without_a_word_until_it_heals(proxy: Proxy) -> None:
    async with connected(proxy) as (reader, writer):
        proxy.partition()
        writer.write(b"lost")
        assert await is_silent(reader)

        proxy.heal()

        assert await rest_of(reader) == b""
    await said_back(proxy, b"abc")


async def test_a_lost_reply_leaves_the_request_delivered(proxy: Proxy) -> None:
    proxy.lose_replies()

    async with connected(proxy) as (reader, writer):
        writer.write(b"abc")
        async with asyncio.timeout(60):
            while not proxy.passed["up"]:
                await asyncio.sleep(0.01)
        assert await is_silent(reader)

    assert proxy.passed == {"up": 3, "down": 0}


async def test_a_connection_is_cut_after_so_many_bytes(proxy: Proxy) -> None:
    proxy.down.cut_after = 10

    async with connected(proxy) as (reader, writer):
        writer.write(bytes(100))
        assert len(await rest_of(reader)) <= 10

    await said_back(proxy, bytes(100))


async def test_a_reset_ends_open_connections_and_a_refusing_link_takes_none(proxy: Proxy) -> None:
    async with connected(proxy) as (reader, writer):
        writer.write(b"a")
        await reader.readexactly(1)
        proxy.reset()
        assert await rest_of(reader) == b""

    proxy.refusing = True
    async with connected(proxy) as (reader, _):
        assert await rest_of(reader) == b""
    assert proxy.connections == 0
