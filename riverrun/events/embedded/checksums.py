"""Checksums of the log's rows: a changed bit is found before the row is used.

CRC-32 finds every single flipped bit and every burst of up to 32 bits; what is in a row comes from this
program alone, so that a cryptographic hash, at three times the cost, would find nothing more. The checksums
raise TypeError, ValueError, AttributeError or struct.error where a value is not of its column's type any
more.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any
from zlib import crc32

from riverrun.core.errors import DigestMismatch

_EVENT = struct.Struct(">qqqI").pack
_HISTORY = struct.Struct(">qqqqq").pack
_ID = struct.Struct(">qq").pack


def of_event(place: int, event_id: str, time_ns: int, received_ns: int, body: bytes) -> int:
    """The checksum of a row of `events`."""
    name = event_id.encode()
    return crc32(body, crc32(name, crc32(_EVENT(place, time_ns, received_ns, len(name)))))


def of_id(place: int, key: bytes, received_ns: int, fingerprint: bytes) -> int:
    """The checksum of a row of `event_ids`; keys are all of one length."""
    return crc32(fingerprint, crc32(key, crc32(_ID(place, received_ns))))


def of_stream(stream_id: int, model: str, name: str, first_offset: int, next_offset: int) -> int:
    """The checksum of a row of `streams`."""
    return crc32(f"{stream_id}\0{model}\0{name}\0{first_offset}\0{next_offset}".encode())


def of_history(place: int, first: int, end: int, newest_ns: int, size: int, sha: bytes) -> int:
    """The checksum of a row of `history`."""
    return crc32(sha, crc32(_HISTORY(place, first, end, newest_ns, size)))


def of_meta(key: str, value: str) -> int:
    """The checksum of a row of `meta`."""
    return crc32(f"{key}\0{value}".encode())


def check(what: str, written: int, checksum: Callable[..., int], columns: Sequence[Any]) -> None:
    """Raise `DigestMismatch`, naming the row as `what`, unless its `columns` have the checksum `written`."""
    try:
        found = str(checksum(*columns))
    except (TypeError, ValueError, AttributeError, struct.error) as error:
        found = f"none: {error}"
    if found != str(written):
        raise DigestMismatch(f"{what} in the event log", str(written), found)
