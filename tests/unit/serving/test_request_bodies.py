"""Bodies read within bounds, however they come."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from typing import Any

import pytest
from riverrun_serving.rest_edge.body import read_body
from riverrun_serving.rest_edge.exchange import Disconnected
from riverrun_serving.rest_edge.statuses import BodyTooLarge

from riverrun.core.errors import InvalidInput

LIMIT = 100


async def _read(chunks: Sequence[bytes], *, gone: bool = False, **headers: str) -> tuple[bytes, int]:
    """The body, and how many messages were read of it."""
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks
    ]
    if gone:
        messages.append({"type": "http.disconnect"})
    else:
        messages[-1]["more_body"] = False
    taken = 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        return messages[taken - 1]

    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    try:
        return await read_body({"headers": named}, receive, LIMIT), taken
    except BodyTooLarge:
        return b"too large", taken


async def test_chunks_are_joined() -> None:
    assert await _read([b"ab", b"", b"cd"]) == (b"abcd", 3)


async def test_an_announced_length_over_the_limit_is_refused_unread() -> None:
    assert await _read([b"x"], content_length="101") == (b"too large", 0)


async def test_chunks_are_counted_while_they_come() -> None:
    assert await _read([b"x" * 60, b"x" * 60, b"x" * 60]) == (b"too large", 2)


async def test_a_caller_that_went_away_is_noticed() -> None:
    with pytest.raises(Disconnected):
        await _read([b"ab"], gone=True)


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"hello", mtime=0)),
        ("deflate", zlib.compress(b"hello")),
        ("deflate", zlib.compress(b"hello", wbits=-15)),
        ("identity", b"hello"),
    ],
)
async def test_packed_bodies_are_unpacked(encoding: str, packed: bytes) -> None:
    body, _ = await _read([packed], content_encoding=encoding)

    assert body == b"hello"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_small_body_that_unpacks_large_is_refused(encoding: str) -> None:
    large = b"x" * 10_000
    packed = gzip.compress(large) if encoding == "gzip" else zlib.compress(large)

    body, _ = await _read([packed], content_encoding=encoding)

    assert len(packed) <= LIMIT
    assert body == b"too large"


async def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(InvalidInput, match="content-encoding: expected gzip, deflate or none"):
        await _read([b"x"], content_encoding="br")
