"""The request that most callers send, one row with one FP64 tensor per feature, read in a short way.

With generated messages a tensor of one number costs four objects, and twenty of them cost more than the
prediction. Here a tensor's bytes are compared with what every protobuf library writes for one of shape [1];
whatever differs in a single byte is left to the long way, which reads everything the protocol allows.
"""

from __future__ import annotations

from struct import unpack
from typing import Any

from riverrun_serving.grpc_edge import messages

# name (field 1) comes first; then datatype (2) "FP64" and shape (3) [1].
_BEFORE_NAME = 0x0A
_SHAPE_OF_ONE = b"\x12\x04FP64\x1a\x01\x01"
# contents (5) of 10 bytes: fp64_contents (7) of 8 bytes, which follow.
_TYPED = _SHAPE_OF_ONE + b"\x2a\x0a\x3a\x08"


def one_row(request: Any) -> dict[str, float] | None:
    """The features of a `HotRequest` of that form; None for any other, wrong ones included."""
    if request.parameters or request.outputs:
        return None
    inputs = request.inputs
    raw = request.raw_input_contents
    if raw:
        joined = b"".join(raw)
        if len(raw) != len(inputs) or any(len(one) != 8 for one in raw):
            return None
        names = [_name(one, _SHAPE_OF_ONE, 0) for one in inputs]
    else:
        joined = b"".join([one[-8:] for one in inputs])
        names = [_name(one, _TYPED, 8) for one in inputs]
    if None in names or len(joined) != 8 * len(names):
        return None
    row: dict[Any, float] = dict(zip(names, unpack(f"<{len(names)}d", joined), strict=True))
    return row if row and len(row) == len(names) else None


def read_hot(raw: bytes) -> Any:
    """`raw` as a `HotRequest`; raises protobuf's DecodeError where it is no message at all."""
    return messages.HotRequest.FromString(raw)


def _name(tensor: bytes, after_name: bytes, value_size: int) -> str | None:
    """The tensor's name, if its bytes are the name, then `after_name`, then a value of `value_size`."""
    size = len(tensor) - len(after_name) - value_size - 2
    if not 0 < size < 128 or tensor[0] != _BEFORE_NAME or tensor[1] != size:
        return None
    if tensor[size + 2 : size + 2 + len(after_name)] != after_name:
        return None
    try:
        return tensor[2 : size + 2].decode()
    except UnicodeDecodeError:
        return None
