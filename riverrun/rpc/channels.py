"""gRPC channels to our own services."""

from __future__ import annotations

import grpc

MAX_MESSAGE = 4 << 20
"""Bytes of one message; weights travel in chunks well below it."""

_OPTIONS = [
    # A link that went silent is given up within 20 s. Each has a say: a ping that is in flight already
    # counts as the keepalive's, and would have 60 s by default.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.initial_reconnect_backoff_ms", 100),
    # How long one attempt may take, whatever its name says: a busy machine needs more than an instant.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
]


def open_channel(address: str) -> grpc.aio.Channel:
    """A channel to ``host:port``; connects when first used and again whenever it broke."""
    return grpc.aio.insecure_channel(address, options=_OPTIONS)
