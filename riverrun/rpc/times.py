"""Times and lengths of time as protobuf has them."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp


def timestamp(unix_ns: int) -> Timestamp | None:
    """`unix_ns` as a message; None for 0, which leaves the field unset."""
    return Timestamp(seconds=unix_ns // 10**9, nanos=unix_ns % 10**9) if unix_ns else None


def unix_ns(stamp: Timestamp) -> int:
    """Unix nanoseconds; an unset message is 0."""
    return int(stamp.seconds) * 10**9 + int(stamp.nanos)


def duration(seconds: float) -> Duration | None:
    """`seconds`, at least 0, as a message; None for 0, which leaves the field unset."""
    return Duration(seconds=int(seconds), nanos=int(seconds % 1 * 1e9)) if seconds else None


def seconds(length: Duration) -> float:
    """Seconds; an unset message is 0."""
    return int(length.seconds) + int(length.nanos) / 1e9
