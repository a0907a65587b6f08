"""One tensor as units: a header, then its elements in blocks.

`docs/reference/wire-format.md` describes every byte.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from riverrun.codec.rounded_marks import is_rounded
from riverrun.codec.rounding import restored
from riverrun.core.errors import InvalidInput
from riverrun.core.units import Unit
from riverrun.learners.table_start import Start, elements_at, fill

BLOCK = 2048
"""Elements of a block of a tensor that changes all at once: 8 KiB of 32-bit floats."""

ROW_BLOCK = 16
"""Elements that a block of rows has at least.

Encoding and hashing cost per block (6 us), whatever is in it, and rows that are touched are seldom
neighbours, so a larger block only sends more: 64 bytes for a row of 16, 240 in blocks of four rows.
"""

STRIDE = 2
"""From one unit's number to the next: the odd numbers are left to others."""

STEP_ELEMENTS, STEP_BLOCKS = 1 << 15, 64
"""Elements, and blocks, that are written in one step at most: some tens of microseconds."""

MAX_ELEMENTS = 1 << 31

_DTYPES = {
    "f8": torch.float64,
    "f4": torch.float32,
    "f2": torch.float16,
    "i8": torch.int64,
    "i4": torch.int32,
    "i2": torch.int16,
    "u1": torch.uint8,
    "b1": torch.bool,
}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}


class Header(msgspec.Struct, array_like=True, frozen=True):
    """The payload of a tensor's first unit: what its blocks are of.

    The units after it hold `block` elements each, the last one what is left. Where `start` is given, a block
    whose unit is not there is as it says; otherwise all are there.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    block: int
    start: Start | None = None


_pack = msgspec.msgpack.Encoder().encode
_read_header = msgspec.msgpack.Decoder(Header).decode
_read_block = msgspec.msgpack.Decoder(bytes).decode
_read_rounded = msgspec.msgpack.Decoder(tuple[int, int, bytes]).decode


class Span:
    """The units of one tensor: its header is `number`, its blocks are every `STRIDE` numbers after it."""

    __slots__ = ("blocks", "dtype", "header", "number", "payload", "size")

    def __init__(self, number: int, header: Header) -> None:
        self.number = number
        self.header = header
        self.payload = _pack(header)
        self.dtype = np.dtype(f"<{header.dtype}")
        self.size = prod(header.shape)
        self.blocks = max(1, -(-self.size // header.block))

    @classmethod
    def of(cls, number: int, name: str, tensor: Tensor, block: int, start: Start | None) -> Span:
        """The units that `tensor` is to have. Raises `InvalidInput` for a type that cannot be stored."""
        code = _CODES.get(tensor.dtype)
        if code is None:
            raise InvalidInput(name, f"tensors of type {tensor.dtype} cannot be stored")
        return cls(number, Header(name, code, tuple(tensor.shape), block, start))

    @classmethod
    def read(cls, number: int, payload: Unit) -> Span:
        """The span whose header is `payload`. Raises `InvalidInput` unless it is one that `of` makes."""
        try:
            header = _read_header(payload)
            is_sound = (
                header.dtype in _DTYPES
                and min(header.shape, default=0) >= 0
                and max(header.shape, default=0) <= MAX_ELEMENTS
                and prod(header.shape) <= MAX_ELEMENTS
                and 0 < header.block <= MAX_ELEMENTS
                and (header.start is None or header.dtype == "f4")
            )
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise InvalidInput("unit", "expected the header of a tensor") from error
        if not is_sound or _pack(header) != payload:
            raise InvalidInput("unit", f"not the header of a tensor: {header.name[:80]}")
        return cls(number, header)

    @property
    def end(self) -> int:
        """The first number after the span's."""
        return self.number + STRIDE * (1 + self.blocks)

    def number_of(self, index: int) -> int:
        """The number of block `index`."""
        return self.number + STRIDE * (1 + index)

    def index_of(self, number: int) -> int:
        """The block whose number is `number`. Raises `InvalidInput` where it has none."""
        index, odd = divmod(number - self.number, STRIDE)
        if odd or not 0 < index <= self.blocks:
            raise InvalidInput("unit", f"{number} is no block of tensor {self.header.name[:80]}")
        return index - 1

    def array(self, tensor: Tensor) -> NDArray[Any]:
        """The elements of `tensor`, in its own memory. Raises `InvalidInput` where it does not fit."""
        header = self.header
        if tuple(tensor.shape) != header.shape or tensor.dtype != _DTYPES[header.dtype]:
            raise InvalidInput("state", f"tensor {header.name[:80]} is not as this spec's model has it")
        flat: NDArray[Any] = tensor.detach().view(-1).numpy()
        return flat

    def new_tensor(self) -> Tensor:
        """A tensor that the blocks fit; at its start where it has one."""
        tensor = torch.empty(self.header.shape, dtype=_DTYPES[self.header.dtype])
        if self.header.start is not None:
            fill(self.array(tensor), self.header.start)
        return tensor

    def payloads(self, flat: NDArray[Any], indexes: Sequence[int]) -> list[Unit]:
        """The payloads of the blocks `indexes`, in their order, from elements as `array` gives them."""
        block = self.header.block
        whole = self.size // block
        table = flat[: whole * block].reshape(whole, block)
        cut = _cut(table[[index for index in indexes if index < whole]].astype(self.dtype, copy=False))
        tail = flat[whole * block :].astype(self.dtype, copy=False)
        return [next(cut) if index < whole else _pack(tail.tobytes()) for index in indexes]

    def start_payloads(self, indexes: Sequence[int]) -> list[Unit]:
        """The payloads of the blocks `indexes` as they are at the start; only where there is one."""
        start, block = self.header.start, self.header.block
        assert start is not None  # asked by the caller
        whole = self.size // block
        body = np.array([index for index in indexes if index < whole], dtype=np.uint64)
        offsets = np.arange(block, dtype=np.uint64)
        places = body[:, None] * np.uint64(block) + offsets
        cut = _cut(elements_at(start, places).astype(self.dtype, copy=False))
        tail = np.arange(whole * block, self.size, dtype=np.uint64)
        return [
            next(cut) if index < whole else _pack(elements_at(start, tail).astype(self.dtype).tobytes())
            for index in indexes
        ]

    def writing(self, flat: NDArray[Any], blocks: Mapping[int, Unit]) -> Iterator[None]:
        """Put `blocks`, by index, into elements as `array` gives them, some at each step.

        Raises `InvalidInput` for one that is malformed; what came before it may be written then.
        """
        block = self.header.block
        whole = self.size // block
        table = flat[: whole * block].reshape(whole, block)
        at_once = max(1, min(STEP_ELEMENTS // block, STEP_BLOCKS))
        indexes = [index for index in blocks if index != whole]
        for first in range(0, len(indexes), at_once):
            some = indexes[first : first + at_once]
            data = b"".join([self._data(blocks[index], block) for index in some])
            table[some] = np.frombuffer(data, dtype=self.dtype).reshape(len(some), block)
            yield
        if whole in blocks:
            tail = self._data(blocks[whole], self.size - whole * block)
            flat[whole * block :] = np.frombuffer(tail, dtype=self.dtype)

    def _data(self, payload: Unit, size: int) -> bytes:
        """The bytes of a block of `size` elements."""
        try:
            if is_rounded(payload) and self.header.dtype in ("f4", "f8"):
                data = _restored_block(payload, size).astype(self.dtype).tobytes()
            else:
                data = _read_block(payload)
        except (msgspec.MsgspecError, ValueError) as error:
            raise InvalidInput("unit", "expected a block of a tensor") from error
        if len(data) != size * self.dtype.itemsize:
            raise InvalidInput("unit", f"not a block of tensor {self.header.name[:80]}")
        return data


def _restored_block(payload: Unit, size: int) -> NDArray[np.float64]:
    _, form, data = _read_rounded(payload)
    return restored(data, size, form)


def _cut(rows: NDArray[Any]) -> Iterator[Unit]:
    data, width = rows.tobytes(), rows.shape[1] * rows.itemsize
    return iter([_pack(data[first : first + width]) for first in range(0, len(data), width)])
