"""One side of a delta as bytes: what is pushed, pulled, announced and stored.

`docs/reference/wire-format.md` describes every byte.
"""

from __future__ import annotations

import struct
import sys
from itertools import accumulate, pairwise
from zlib import crc32

import msgspec

from riverrun.core.errors import Exhausted, InvalidInput
from riverrun.core.units import SideDelta

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAGIC = b"RRD1"
"""The form's name and version; another version begins with other bytes."""

COMPRESS_FROM = 512
"""Shorter bodies are sent as they are: compressing them costs more than it saves."""

_HEADER = struct.Struct("<4sBIQ")
_PLAIN, _ZSTD = 0, 1
_LEVEL = 3
_WINDOW_LOG_MAX = 23
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[list[int], list[bytes], list[int]])


def encode_side(delta: SideDelta) -> bytes:
    """`delta` as bytes; equal deltas give equal bytes."""
    numbers = sorted(delta.changed)
    payloads = [delta.changed[number] for number in numbers]
    body = _encoder.encode((_gaps(numbers), payloads, _gaps(sorted(delta.dropped))))
    size, form = len(body), _PLAIN
    if size > COMPRESS_FROM:
        packed = zstd.compress(body, level=_LEVEL)
        if len(packed) < size:
            body, form = packed, _ZSTD
    return _HEADER.pack(MAGIC, form, crc32(body), size) + body


def decode_side(data: bytes, *, max_bytes: int) -> SideDelta:
    """The delta that `data` holds. Never unpacks more than `max_bytes`.

    Raises `Exhausted` when it would be more, `InvalidInput` when `data` is not what `encode_side` writes.
    """
    if len(data) < _HEADER.size:
        raise InvalidInput("delta", f"expected at least a header of {_HEADER.size} bytes")
    magic, form, checksum, size = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise InvalidInput("delta", f"expected it to begin with {MAGIC!r}")
    if size > max_bytes:
        raise Exhausted("delta", f"{max_bytes} bytes")
    body = data[_HEADER.size :]
    if crc32(body) != checksum:
        raise InvalidInput("delta", "expected a body that has its checksum")
    if form == _ZSTD:
        body = _decompress(body, size)
    elif form != _PLAIN:
        raise InvalidInput("delta", "expected a known form of its body")
    if len(body) != size:
        raise InvalidInput("delta", "expected a body of the length that its header says")
    try:
        number_gaps, payloads, dropped_gaps = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(
            "delta", "expected a body of unit numbers, payloads and dropped numbers"
        ) from error
    numbers, dropped = _numbers(number_gaps), frozenset(_numbers(dropped_gaps))
    if len(numbers) != len(payloads) or not dropped.isdisjoint(numbers):
        raise InvalidInput("delta", "expected one payload for each number, and none for a dropped one")
    return SideDelta(dict(zip(numbers, payloads, strict=True)), dropped)


def _decompress(body: bytes, size: int) -> bytes:
    options = {int(zstd.DecompressionParameter.window_log_max): _WINDOW_LOG_MAX}
    try:
        decompressor = zstd.ZstdDecompressor(options=options)
        # One byte more than declared, so that a longer body shows; never more, whatever it claims.
        unpacked = decompressor.decompress(body, max_length=size + 1)
    except zstd.ZstdError as error:
        raise InvalidInput("delta", "expected a body that zstd can unpack") from error
    if not decompressor.eof or decompressor.unused_data:
        raise InvalidInput("delta", "expected one whole zstd frame")
    return unpacked


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
