"""Reading a request's body: bounded while it comes in, and again while it is unpacked."""

from __future__ import annotations

import zlib

from riverrun.core.errors import InvalidInput
from riverrun_serving.rest_edge.exchange import Disconnected, Receive, Scope, header
from riverrun_serving.rest_edge.statuses import BodyTooLarge


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body, unpacked where it came as gzip or deflate.

    Raises `BodyTooLarge` as soon as more than `limit` bytes are announced, received or unpacked,
    `InvalidInput` for another encoding, `Disconnected`.
    """
    announced = header(scope, b"content-length")
    if announced and (not announced.isdigit() or int(announced[:20]) > limit):
        raise BodyTooLarge("body", f"{limit} bytes")
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body", False) and len(body) <= limit:
        return _unpacked(scope, body, limit)
    parts = [body]
    size = len(body)
    while True:
        if message["type"] == "http.disconnect":
            raise Disconnected
        if size > limit:
            raise BodyTooLarge("body", f"{limit} bytes")
        if not message.get("more_body", False):
            return _unpacked(scope, b"".join(parts), limit)
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])


def _unpacked(scope: Scope, body: bytes, limit: int) -> bytes:
    encoding = header(scope, b"content-encoding").strip().lower()
    if encoding in (b"", b"identity"):
        return body
    if encoding not in (b"gzip", b"deflate"):
        raise InvalidInput("content-encoding", "expected gzip, deflate or none")
    # 47: take a gzip or a zlib header; deflate is also seen bare, which is -15.
    bare = encoding == b"deflate" and (len(body) < 2 or body[0] & 0x0F != 8)
    unpacker = zlib.decompressobj(-15 if bare else 47)
    try:
        unpacked = unpacker.decompress(body, limit + 1)
    except zlib.error:
        raise InvalidInput("body", f"expected {encoding.decode()}, as content-encoding says") from None
    if len(unpacked) > limit:
        raise BodyTooLarge("body", f"{limit} bytes when unpacked")
    if not unpacker.eof:
        raise InvalidInput("body", f"the {encoding.decode()} data ends too early")
    return unpacked
