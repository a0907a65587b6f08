"""Bodies of deltas made short by zstd, with a dictionary where they are short themselves.

What is hashed is never what is packed: two ways to pack the same body are the same body.
"""

from __future__ import annotations

import sys

from riverrun.codec.dictionary import dictionary
from riverrun.core.errors import InvalidInput
from riverrun.core.steps import Steps

if sys.version_info >= (3, 14):
    from compression import zstd as zstd
else:
    from backports import zstd as zstd

PACK_FROM = 257
"""Shorter bodies stay as they are: packing them costs more than it saves."""

DICTIONARY_MAX = 4096
"""Longer bodies are packed without a dictionary: what it holds, they soon say themselves."""

PLAIN, ZSTD, ZSTD_DICTIONARY_1 = 0, 1, 2
"""The forms of a body, as in a side delta's header."""

PIECE_BYTES = 64 << 10
"""Of what is long, so much at a time: some tenths of a millisecond of work."""

Body = bytes | bytearray | memoryview

_LEVEL = 3
_WINDOW_LOG_MAX = 23


def pack(body: bytes) -> tuple[int, bytes]:
    """The form that `body` is sent in, and its bytes in that form; equal bodies give equal bytes."""
    if len(body) < PACK_FROM:
        return PLAIN, body
    if len(body) <= DICTIONARY_MAX:
        form, words = ZSTD_DICTIONARY_1, dictionary(1).as_digested_dict
        packed = zstd.compress(body, _LEVEL, zstd_dict=words)
    else:
        form, packed = ZSTD, zstd.compress(body, _LEVEL)
    return (form, packed) if len(packed) < len(body) else (PLAIN, body)


def unpacking(form: int, packed: Body, size: int) -> Steps[Body]:
    """The body of `size` bytes that `packed` holds, in steps; never unpacks more than that.

    Raises `InvalidInput` where the form is unknown, or the body is longer or shorter.
    """
    if form == PLAIN:
        body = packed
    elif form == ZSTD:
        body = yield from _unpacking_frame(packed, size, None)
    elif form == ZSTD_DICTIONARY_1:
        body = yield from _unpacking_frame(packed, size, dictionary(1))
    else:
        raise InvalidInput("delta", "expected a known form of its body")
    if len(body) != size:
        raise InvalidInput("delta", "expected a body of the length that its header says")
    return body


def _unpacking_frame(packed: Body, size: int, words: zstd.ZstdDict | None) -> Steps[Body]:
    options = {int(zstd.DecompressionParameter.window_log_max): _WINDOW_LOG_MAX}
    try:
        decompressor = zstd.ZstdDecompressor(words, options=options)
        # One byte more than declared, so that a longer body shows; never more, whatever it claims.
        body: Body = decompressor.decompress(packed, max_length=min(PIECE_BYTES, size + 1))
        if not decompressor.eof:
            body = yield from _unpacking_rest(decompressor, body, size)
    except zstd.ZstdError as error:
        raise InvalidInput("delta", "expected a body that zstd can unpack") from error
    if not decompressor.eof or decompressor.unused_data:
        raise InvalidInput("delta", "expected one whole zstd frame")
    return body


def _unpacking_rest(decompressor: zstd.ZstdDecompressor, first: Body, size: int) -> Steps[Body]:
    body = bytearray(first)
    while not decompressor.eof and not decompressor.needs_input and len(body) <= size:
        yield
        body += decompressor.decompress(b"", max_length=min(PIECE_BYTES, size + 1 - len(body)))
    return body
