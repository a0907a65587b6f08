"""Which units of a serving side may be rounded, and what they become.

Only numbers that an answer is computed from, and nothing is counted or compared by: the weights of River's
linear models where they are many enough to be kept in rows, and the elements of tensors of two dimensions or
more. Counts, means, variances and the splits of trees stay exact, and so do the biases and the statistics of
networks, which have one dimension.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from riverrun.codec import nodes
from riverrun.codec.rounding import BLOCK, rounded, rounded_array, rounded_rows
from riverrun.core.units import SideDelta, Unit

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode
_TABLE = bytes([0x96, nodes.TABLE])
_PLAIN_ROWS = bytes([0x92, nodes.ROW_UNIT])
_HEADER = 0x95
_BINS = frozenset({0xC4, 0xC5, 0xC6})


@dataclass(frozen=True, slots=True)
class _Tensor:
    """What a header says of its tensor's blocks; `dtype` is None where they stay exact."""

    dtype: np.dtype[Any] | None
    block: int


class RoundingUnits:
    """Rounds units of one serving side, delta by delta; `form` None rounds none."""

    def __init__(self, form: int | None) -> None:
        self._form = form
        self._rows_of: dict[int, frozenset[int]] = {}
        self._rows: set[int] = set()
        self._headers: list[int] = []
        self._tensors: dict[int, _Tensor] = {}

    def rounded(self, delta: SideDelta) -> dict[int, Unit]:
        """Those of the changed units that can be rounded, as they are then."""
        if self._form is None:
            return {}
        for number in delta.dropped & self._rows_of.keys():
            self._rows -= self._rows_of.pop(number)
        for number, unit in delta.changed.items():
            if unit.startswith(_TABLE):
                self._note_table(number, _unpack(unit)[2])
            elif unit[0] == _HEADER and number not in self._tensors:
                self._note_header(number, _unpack(unit))
        return {
            **self._rounded_rows(self._form, delta.changed),
            **self._rounded_blocks(self._form, delta.changed),
        }

    def _note_table(self, number: int, body: Any) -> None:
        before = self._rows_of.get(number, frozenset())
        now = frozenset(body[1:]) if type(body) is list and body[0] == nodes.ROWS else frozenset()
        self._rows_of[number] = now
        self._rows = (self._rows - before) | now

    def _rounded_rows(self, form: int, changed: Mapping[int, Unit]) -> dict[int, Unit]:
        units = {number: changed[number] for number in self._rows.intersection(changed)}
        rows = {n: _unpack(unit)[1] for n, unit in units.items() if unit.startswith(_PLAIN_ROWS)}
        rows = {number: body for number, body in rows.items() if _are_numbers(body)}
        cells = rounded([list(body.values()) for body in rows.values()], form)
        return {
            number: _pack([nodes.ROW_UNIT, [nodes.ROUNDED, form, list(body), cell]])
            for (number, body), cell in zip(rows.items(), cells, strict=True)
            if cell is not None
        }

    def _note_header(self, number: int, header: Any) -> None:
        match header:
            case [str(), str() as dtype, list() as shape, int() as block, _]:
                rounds = dtype in ("f4", "f8") and len(shape) > 1
                self._tensors[number] = _Tensor(np.dtype(f"<{dtype}") if rounds else None, block)
                self._headers = sorted(self._tensors)

    def _rounded_blocks(self, form: int, changed: Mapping[int, Unit]) -> dict[int, Unit]:
        cells: dict[int, bytes | None] = {}
        for tensor, blocks in self._blocks_of(changed):
            if tensor.block > BLOCK:
                cells |= {number: rounded_array(block, form) for number, block in blocks.items()}
                continue
            # All at once: tables have many small blocks.
            whole = [number for number, block in blocks.items() if block.size == tensor.block]
            if whole:
                table = np.stack([blocks[number] for number in whole]).astype(np.float64)
                cells |= zip(whole, rounded_rows(table, form), strict=True)
            cells |= {n: rounded_array(block, form) for n, block in blocks.items() if n not in cells}
        return {n: _pack([nodes.ROUNDED_BLOCK, form, cell]) for n, cell in cells.items() if cell is not None}

    def _blocks_of(
        self, changed: Mapping[int, Unit]
    ) -> Iterable[tuple[_Tensor, dict[int, np.ndarray[Any, np.dtype[Any]]]]]:
        found: dict[_Tensor, dict[int, np.ndarray[Any, np.dtype[Any]]]] = {}
        for number, unit in changed.items() if self._headers else ():
            place = bisect_right(self._headers, number) - 1
            if place < 0 or unit[0] not in _BINS:
                continue
            tensor = self._tensors[self._headers[place]]
            if tensor.dtype is not None:
                found.setdefault(tensor, {})[number] = np.frombuffer(_unpack(unit), tensor.dtype)
        return found.items()


def _are_numbers(body: Any) -> bool:
    """Whether a row holds nothing but numbers with a point, under plain keys."""
    if type(body) is not dict or not nodes.ATOMS.issuperset(map(type, body)):
        return False
    return set(map(type, body.values())) == {float}
