"""gRPC channels to our own services."""

from __future__ import annotations

import grpc

from riverrun.rpc.credentials import Credentials
from riverrun.rpc.secured_channel import SecuredChannel

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


def open_channel(address: str, credentials: Credentials | None = None) -> grpc.aio.Channel:
    """A channel to ``host:port``; connects when first used and again whenever it broke.

    Raises `InvalidInput` where a file of `credentials` cannot be used, or a token would go in the clear.
    """
    if credentials is None or credentials.are_empty:
        return grpc.aio.insecure_channel(address, options=_OPTIONS)
    if not credentials.uses_tls:
        credentials.check_plain(address.rpartition(":")[0].strip("[]"))

    def connect(found: grpc.ChannelCredentials | None, server_name: str) -> grpc.aio.Channel:
        if found is None:
            return grpc.aio.insecure_channel(address, options=_OPTIONS)
        named = [("grpc.ssl_target_name_override", server_name)] if server_name else []
        return grpc.aio.secure_channel(address, found, options=[*_OPTIONS, *named])

    return SecuredChannel(credentials, connect)
