"""A side's delta as bytes."""

from __future__ import annotations

import random
import struct
from hashlib import sha256
from pathlib import Path
from zlib import crc32

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riverrun.codec.dictionary import path_of
from riverrun.codec.wire import MAGIC, decode_side, encode_side
from riverrun.core.errors import Exhausted, InvalidInput
from riverrun.core.units import SideDelta

LIMIT = 1 << 20

NUMBERS = st.integers(0, 1 << 62)
DELTAS = st.builds(
    lambda changed, dropped: SideDelta(changed, frozenset(dropped) - changed.keys()),
    st.dictionaries(NUMBERS, st.binary(max_size=200), max_size=20),
    st.sets(NUMBERS, max_size=20),
)
quick = settings(max_examples=200, deadline=None, derandomize=True, database=None)


def framed(body: bytes, *, form: int = 0, size: int | None = None) -> bytes:
    """`body` beneath a header that fits it."""
    return struct.pack("<4sBIQ", MAGIC, form, crc32(body), len(body) if size is None else size) + body


@quick
@given(delta=DELTAS)
def test_a_delta_comes_back_equal(delta: SideDelta) -> None:
    assert decode_side(encode_side(delta), max_bytes=LIMIT) == delta


@quick
@given(delta=DELTAS)
def test_equal_deltas_give_equal_bytes_whatever_their_order(delta: SideDelta) -> None:
    backwards = SideDelta(dict(reversed(list(delta.changed.items()))), delta.dropped)

    assert encode_side(backwards) == encode_side(delta)


@pytest.mark.parametrize(("size", "form"), [(100, 0), (300, 2), (4000, 2), (5000, 1), (100_000, 1)])
def test_bodies_are_packed_by_their_length_and_come_back(size: int, form: int) -> None:
    delta = SideDelta({1: b"abcdefgh" * (size // 8)})

    data = encode_side(delta)

    assert data[4] == form
    assert len(data) < min(size + 40, 200)
    assert decode_side(data, max_bytes=LIMIT) == delta


def test_bodies_that_packing_makes_longer_stay_as_they_are() -> None:
    delta = SideDelta({1: random.Random(1).randbytes(1000), 2: random.Random(2).randbytes(10_000)})

    assert [encode_side(SideDelta({n: unit}))[4] for n, unit in delta.changed.items()] == [0, 0]


def test_released_dictionaries_never_change() -> None:
    known = {1: "ec12e19c5e23a01ecc6a68937100cb30f77613174339bf899a5d7a1a19c6547e"}

    assert {n: sha256(path_of(n).read_bytes()).hexdigest() for n in known} == known
    page = Path(__file__).parents[3] / "docs" / "reference" / "wire-format.md"
    assert all(digest in page.read_text() for digest in known.values())


def test_a_body_over_the_limit_is_not_unpacked() -> None:
    data = encode_side(SideDelta({1: bytes(LIMIT)}))

    with pytest.raises(Exhausted, match="1048576"):
        decode_side(data, max_bytes=LIMIT)


def test_a_body_that_unpacks_to_more_than_it_says_is_refused() -> None:
    honest = encode_side(SideDelta({1: bytes(LIMIT // 2)}))

    with pytest.raises(InvalidInput):
        decode_side(framed(honest[17:], form=1, size=1000), max_bytes=LIMIT)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RRD1",
        b"RRD9" + encode_side(SideDelta())[4:],
        encode_side(SideDelta({1: b"abc"}))[:-1],
        encode_side(SideDelta({1: b"abc"})) + b"x",
        framed(b"\xc1"),
        framed(b"\x93\x90\x90"),
        framed(b"\x91" * 100_000),
        framed(msgspec.msgpack.encode([[1], [], []])),
        framed(msgspec.msgpack.encode([[1], ["text"], []])),
        framed(msgspec.msgpack.encode([[-1], [b"x"], []])),
        framed(msgspec.msgpack.encode([[1, 0], [b"x", b"y"], []])),
        framed(msgspec.msgpack.encode([[1], [b"x"], [1]])),
        framed(msgspec.msgpack.encode([[(1 << 63) - 1, 9], [b"x", b"y"], []])),
        framed(b"not zstd", form=1),
        framed(b"not zstd", form=2),
        framed(encode_side(SideDelta({1: bytes(9_000)}))[17:], form=2, size=9_000),
        framed(encode_side(SideDelta({1: bytes(900)}))[17:], form=1, size=900),
        framed(b"", form=3),
        framed(msgspec.msgpack.encode([[], [], []]), size=99),
    ],
    ids=lambda data: data[:40].hex(),
)
def test_bytes_that_no_encoder_writes_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode_side(data, max_bytes=LIMIT)


@quick
@given(delta=DELTAS, place=st.integers(0, 1 << 20), value=st.integers(1, 255))
def test_a_changed_byte_is_noticed(delta: SideDelta, place: int, value: int) -> None:
    data = bytearray(encode_side(delta))
    data[place % len(data)] ^= value

    with pytest.raises((InvalidInput, Exhausted)):
        decode_side(bytes(data), max_bytes=LIMIT)
