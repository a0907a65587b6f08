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

MAX_NAMES = 10_000


class OneRow:
    """Reads such requests. Remembers, up to a bound, how each tensor it has seen begins."""

    def __init__(self) -> None:
        # By what follows the name, since what is a whole tensor in one form is the half of one in the other.
        self._names: dict[bytes, dict[bytes, str]] = {_TYPED: {}, _SHAPE_OF_ONE: {}}

    def read(self, request: Any) -> dict[str, float] | None:
        """The features of a `HotRequest` of that form; None for any other, wrong ones included."""
        if request.parameters or request.outputs:
            return None
        beginnings: list[bytes] = list(request.inputs)
        values: list[bytes] = list(request.raw_input_contents)
        if not values:
            values = [tensor[-8:] for tensor in beginnings]
            beginnings = [tensor[:-8] for tensor in beginnings]
            end = _TYPED
        else:
            end = _SHAPE_OF_ONE
        names = self._names[end]
        row: dict[str, bytes] = {}
        for beginning, value in zip(beginnings, values, strict=False):
            name = names.get(beginning) or self._name(beginning, end)
            if name is None or len(value) != 8:
                return None
            row[name] = value
        if not row or len(row) != len(beginnings) or len(row) != len(values):
            return None
        return dict(zip(row, unpack(f"<{len(row)}d", b"".join(row.values())), strict=True))

    def _name(self, beginning: bytes, end: bytes) -> str | None:
        """The name that a tensor begins with, if `end` follows and there is nothing else."""
        size = len(beginning) - len(end) - 2
        if not 0 < size < 128 or beginning[:2] != bytes([_BEFORE_NAME, size]) or not beginning.endswith(end):
            return None
        try:
            name = beginning[2 : size + 2].decode()
        except UnicodeDecodeError:
            return None
        if len(self._names[end]) < MAX_NAMES:
            self._names[end][beginning] = name
        return name


def read_hot(raw: bytes) -> Any:
    """`raw` as a `HotRequest`; raises protobuf's DecodeError where it is no message at all."""
    return messages.HotRequest.FromString(raw)
