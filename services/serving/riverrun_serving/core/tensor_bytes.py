"""Raw tensor contents: little-endian, row by row; BYTES elements each after their length in 4 bytes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from riverrun.core.errors import InvalidInput
from riverrun.core.spec.features import shown_name
from riverrun_serving.core.tensors import Tensor

_ELEMENTS = {
    "BOOL": ("?", 1),
    "INT8": ("b", 1),
    "INT16": ("h", 2),
    "INT32": ("i", 4),
    "INT64": ("q", 8),
    "UINT8": ("B", 1),
    "UINT16": ("H", 2),
    "UINT32": ("I", 4),
    "UINT64": ("Q", 8),
    "FP16": ("e", 2),
    "FP32": ("f", 4),
    "FP64": ("d", 8),
}


def values_from_bytes(name: str, datatype: str, count: int, raw: bytes) -> Sequence[Any]:
    """The `count` elements that `raw` holds. Raises `InvalidInput` when it holds more or fewer."""
    if datatype == "BYTES":
        return _texts(f"inputs.{shown_name(name)}.data", count, raw)
    code, size = _ELEMENTS[datatype]
    if len(raw) != count * size:
        raise InvalidInput(
            f"inputs.{shown_name(name)}.data", f"expected {count * size} bytes by its shape, got {len(raw)}"
        )
    return struct.unpack(f"<{count}{code}", raw)


def tensor_to_bytes(tensor: Tensor) -> bytes:
    """The elements of `tensor` as raw contents."""
    if tensor.datatype == "BYTES":
        parts = [str(value).encode() for value in tensor.values]
        return b"".join(struct.pack("<I", len(part)) + part for part in parts)
    code, _ = _ELEMENTS[tensor.datatype]
    return struct.pack(f"<{len(tensor.values)}{code}", *tensor.values)


def text_from(path: str, raw: bytes) -> str:
    """One BYTES element as the text that it is to us; raises `InvalidInput`."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise InvalidInput(path, "expected text in UTF-8") from None


def _texts(path: str, count: int, raw: bytes) -> list[str]:
    texts: list[str] = []
    position = 0
    while position < len(raw):
        end = position + 4
        length = int.from_bytes(raw[position:end], "little")
        if end > len(raw) or end + length > len(raw) or len(texts) == count:
            raise InvalidInput(path, f"expected {count} elements, each after its length in 4 bytes")
        texts.append(text_from(path, raw[end : end + length]))
        position = end + length
    if len(texts) != count:
        raise InvalidInput(path, f"expected {count} elements by its shape, got {len(texts)}")
    return texts
