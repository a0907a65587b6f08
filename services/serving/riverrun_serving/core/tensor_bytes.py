"""Raw tensor contents: little-endian, row by row; BYTES elements each after their length in 4 bytes."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from riverrun.core.errors import InvalidInput
from riverrun.core.spec.features import shown_name
from riverrun_serving.core.tensors import Tensor

_DTYPES = {
    "BOOL": np.dtype("?"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}


def values_from_bytes(name: str, datatype: str, shape: Sequence[int], raw: bytes) -> Sequence[Any]:
    """The elements that `raw` holds. Raises `InvalidInput` when it is not as long as the shape says."""
    path = f"inputs.{shown_name(name)}.data"
    count = math.prod(shape)
    if datatype == "BYTES":
        return _texts(path, count, raw)
    dtype = _DTYPES[datatype]
    if len(raw) != count * dtype.itemsize:
        raise InvalidInput(path, f"expected {count * dtype.itemsize} bytes by its shape, got {len(raw)}")
    return np.frombuffer(raw, dtype).tolist()  # type: ignore[no-any-return]


def tensor_to_bytes(tensor: Tensor) -> bytes:
    """The elements of `tensor` as raw contents."""
    if tensor.datatype == "BYTES":
        parts = [str(value).encode() for value in tensor.values]
        return b"".join(struct.pack("<I", len(part)) + part for part in parts)
    return np.asarray(tensor.values, _DTYPES[tensor.datatype]).tobytes()


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
