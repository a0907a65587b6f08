"""Named tensors as units: a tensor is cut into blocks, and a block that did not change is not sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod

import msgspec
import numpy as np
import torch
from torch import Tensor

from riverrun.core.errors import InvalidInput
from riverrun.core.units import SideDelta, Unit

BLOCK = 2048
"""Elements of one block: 8 KiB of 32-bit floats, some rows of an embedding."""

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


class _Block(msgspec.Struct, array_like=True, frozen=True):
    """The payload of one unit: elements ``index * BLOCK`` and up to BLOCK - 1 more, little endian."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    index: int
    data: bytes


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(_Block).decode


class TensorUnits:
    """What changed in named tensors since it was last asked, by unit number; numbers are never reused.

    The first unit is number `first`; every next one is `step` further.
    """

    def __init__(self, first: int, step: int) -> None:
        self.next_number = first
        self._step = step
        self._numbers: dict[tuple[str, int], int] = {}
        self._last: dict[str, Tensor] = {}

    def changes(self, tensors: Mapping[str, Tensor]) -> SideDelta:
        """The blocks of `tensors` that changed since the last call; tensors are never taken away."""
        changed: dict[int, Unit] = {}
        for name, tensor in tensors.items():
            flat = tensor.detach().reshape(-1)
            last = self._last.get(name)
            if last is None:
                blocks: Iterable[int] = range(max(1, -(-flat.numel() // BLOCK)))
                self._last[name] = flat.clone()
            elif torch.equal(flat, last):
                continue
            else:
                different = torch.nonzero(flat != last).reshape(-1)
                blocks = torch.unique(different // BLOCK).tolist()
                last.copy_(flat)
            for index in blocks:
                changed[self._number(name, index)] = _payload(name, tensor, flat, index)
        return SideDelta(changed)

    def restored(self, units: Mapping[int, Unit], next_number: int) -> None:
        """Go on from `units`; the next new number is not below `next_number`."""
        self._numbers.clear()
        for number, unit in units.items():
            block = decode_block(unit)
            self._numbers[block.name, block.index] = number
        while self.next_number < next_number:
            self.next_number += self._step
        self._last = {
            name: tensor.reshape(-1).clone() for name, tensor in read_tensors(units.values()).items()
        }

    def _number(self, name: str, index: int) -> int:
        number = self._numbers.get((name, index))
        if number is None:
            number = self._numbers[name, index] = self.next_number
            self.next_number += self._step
        return number


def decode_block(unit: Unit) -> _Block:
    """The block that `unit` holds. Raises `InvalidInput` unless it is one that `TensorUnits` writes."""
    try:
        block = _unpack(unit)
        size = prod(block.shape)
        start = block.index * BLOCK
        width = np.dtype(f"<{block.dtype}").itemsize if block.dtype in _DTYPES else 0
        whole = 0 <= size <= MAX_ELEMENTS and 0 <= start <= size and min(block.shape, default=0) >= 0
    except (msgspec.MsgspecError, TypeError) as error:
        raise InvalidInput("unit", "expected a block of a tensor") from error
    if not width or not whole or len(block.data) != width * min(BLOCK, size - start):
        raise InvalidInput("unit", f"not a block of tensor {block.name[:80]}")
    return block


def read_tensors(units: Iterable[Unit], base: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
    """The tensors that `units` hold, each a new one; blocks that are not there are as in `base`.

    Raises `InvalidInput` for malformed units, for a tensor that `base` has with another shape or type or
    not at all, and without `base` for a tensor that is not there whole.
    """
    blocks: dict[str, list[_Block]] = {}
    for block in map(decode_block, units):
        blocks.setdefault(block.name, []).append(block)
    return {name: _joined(name, parts, base) for name, parts in blocks.items()}


def _joined(name: str, blocks: list[_Block], base: Mapping[str, Tensor] | None) -> Tensor:
    first = blocks[0]
    shape, dtype = first.shape, _DTYPES[first.dtype]
    if any((block.shape, block.dtype) != (shape, first.dtype) for block in blocks):
        raise InvalidInput("unit", f"tensor {name[:80]} has two shapes or types")
    if base is None:
        # Checked before memory is taken: a short unit may claim any shape.
        if sorted(block.index for block in blocks) != list(range(max(1, -(-prod(shape) // BLOCK)))):
            raise InvalidInput("unit", f"tensor {name[:80]} is not whole")
        tensor = torch.empty(shape, dtype=dtype)
    else:
        before = base.get(name)
        if before is None or tuple(before.shape) != shape or before.dtype != dtype:
            raise InvalidInput("unit", f"tensor {name[:80]} is unknown, or has another shape or type")
        tensor = before.detach().clone(memory_format=torch.contiguous_format)
    flat = tensor.view(-1)
    for block in blocks:
        data = torch.from_numpy(np.frombuffer(block.data, dtype=f"<{block.dtype}").copy())
        flat[block.index * BLOCK : block.index * BLOCK + data.numel()] = data
    return tensor


def _payload(name: str, tensor: Tensor, flat: Tensor, index: int) -> bytes:
    code = _CODES.get(tensor.dtype)
    if code is None:
        raise InvalidInput(name, f"tensors of type {tensor.dtype} cannot be stored")
    data = flat[index * BLOCK : (index + 1) * BLOCK].cpu().contiguous().numpy()
    return _pack(
        _Block(name, code, tuple(tensor.shape), index, data.astype(f"<{code}", copy=False).tobytes())
    )
