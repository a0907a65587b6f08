"""Long bytes in chunks, and back."""

from __future__ import annotations

import pytest

from riverrun.core.errors import Exhausted, InvalidInput
from riverrun.rpc.chunks import CHUNK_BYTES, Joiner, split


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_chunks_join_to_what_was_split(size: int) -> None:
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    joiner = Joiner("delta", size, max_bytes=4 * CHUNK_BYTES)

    for chunk in split(data):
        assert 0 < len(chunk) <= CHUNK_BYTES
        joiner.add(chunk)

    assert joiner.joined() == data


def test_a_joiner_takes_no_more_than_was_declared_and_gives_no_less() -> None:
    joiner = Joiner("delta", 3, max_bytes=10)
    joiner.add(b"ab")

    with pytest.raises(InvalidInput, match="1 are missing"):
        joiner.joined()
    with pytest.raises(InvalidInput, match="declared"):
        joiner.add(b"cd")
    with pytest.raises(InvalidInput, match="chunks of"):
        joiner.add(b"")
    with pytest.raises(Exhausted):
        Joiner("delta", 11, max_bytes=10)
    with pytest.raises(InvalidInput):
        Joiner("delta", -1, max_bytes=10)

    joiner.add(b"c")
    assert joiner.joined() == b"abc"
