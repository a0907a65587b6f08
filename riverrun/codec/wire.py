"""One side of a delta as bytes: what is pushed, pulled, announced and stored.

`docs/reference/wire-format.md` describes every byte.
"""

from __future__ import annotations

import struct
from itertools import accumulate, pairwise
from zlib import crc32

import msgspec

from riverrun.codec.packing import PIECE_BYTES, pack, unpacking
from riverrun.core.errors import Exhausted, InvalidInput
from riverrun.core.steps import Steps, finish
from riverrun.core.units import SideDelta

MAGIC = b"RRD1"
"""The form's name and version; another version begins with other bytes."""

_HEADER = struct.Struct("<4sBIQ")
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[list[int], list[bytes], list[int]])


def encode_side(delta: SideDelta) -> bytes:
    """`delta` as bytes; equal deltas give equal bytes."""
    body = encode_body(delta)
    form, packed = pack(body)
    return _HEADER.pack(MAGIC, form, crc32(packed), len(body)) + packed


def encode_body(delta: SideDelta) -> bytes:
    """What is beneath the header and the compression: unit numbers, payloads and dropped numbers."""
    numbers = sorted(delta.changed)
    payloads = [delta.changed[number] for number in numbers]
    return _encoder.encode((_gaps(numbers), payloads, _gaps(sorted(delta.dropped))))


def decode_side(data: bytes, *, max_bytes: int) -> SideDelta:
    """The delta that `data` holds. Never unpacks more than `max_bytes`.

    Raises `Exhausted` when it would be more, `InvalidInput` when `data` is not what `encode_side` writes.
    """
    return finish(decoding_side(data, max_bytes=max_bytes))


def decoding_side(data: bytes, *, max_bytes: int) -> Steps[SideDelta]:
    """`decode_side` in steps; only what was unpacked becomes units in one, of a millisecond for some MiB."""
    if len(data) < _HEADER.size:
        raise InvalidInput("delta", f"expected at least a header of {_HEADER.size} bytes")
    magic, form, checksum, size = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise InvalidInput("delta", f"expected it to begin with {MAGIC!r}")
    if size > max_bytes:
        raise Exhausted("delta", f"{max_bytes} bytes")
    packed = memoryview(data)[_HEADER.size :]
    if (yield from _summing(packed)) != checksum:
        raise InvalidInput("delta", "expected a body that has its checksum")
    body = yield from unpacking(form, packed, size)
    try:
        number_gaps, payloads, dropped_gaps = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(
            "delta", "expected a body of unit numbers, payloads and dropped numbers"
        ) from error
    yield
    numbers, dropped = _numbers(number_gaps), frozenset(_numbers(dropped_gaps))
    if len(numbers) != len(payloads) or not dropped.isdisjoint(numbers):
        raise InvalidInput("delta", "expected one payload for each number, and none for a dropped one")
    return SideDelta(dict(zip(numbers, payloads, strict=True)), dropped)


def _summing(packed: memoryview) -> Steps[int]:
    checksum = 0
    for first in range(0, len(packed), PIECE_BYTES):
        checksum = crc32(packed[first : first + PIECE_BYTES], checksum)
        yield
    return checksum


def _gaps(numbers: list[int]) -> list[int]:
    """Ascending numbers as the first one and the distances from each to the next: mostly one byte each."""
    return numbers[:1] + [later - earlier for earlier, later in pairwise(numbers)]


def _numbers(gaps: list[int]) -> list[int]:
    if any(gap < 1 for gap in gaps[1:]) or (gaps and gaps[0] < 0):
        raise InvalidInput("delta", "expected unit numbers that ascend from 0 or more")
    numbers = list(accumulate(gaps))
    if numbers and numbers[-1] >= 1 << 63:
        raise InvalidInput("delta", "expected unit numbers below 2**63")
    return numbers
