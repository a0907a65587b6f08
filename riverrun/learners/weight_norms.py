"""How large a model's weights are, and how far each version moves them, from its units alone.

Weights are the tables of River's linear models and factorisation machines, and the tensors of torch models.
What other models hold are counts, thresholds and statistics, whose size says nothing. It costs what a
version changed.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from riverrun.codec import nodes
from riverrun.codec.entries import plain_body
from riverrun.codec.rounding import BF16, restored
from riverrun.core.units import NO_UNITS, SideDelta, Unit

_unpack = msgspec.msgpack.Decoder().decode
_TABLE = bytes([0x96, nodes.TABLE])
_ROWS = bytes([0x92, nodes.ROW_UNIT])
_BLOCK = bytes([0x93, nodes.ROUNDED_BLOCK])
_HEADER = 0x95
_STATISTICS = "module.scale."
"""Tensors that count and average what torch models saw; they grow without end."""
_BINS = frozenset({0xC4, 0xC5, 0xC6})

LARGEST = 1e150
"""A weight of which the square is still a number: beyond any bound that a spec may set to use."""

Key = Any
Weights = Mapping[Key, float]


@dataclass(frozen=True, slots=True)
class Moved:
    """A version against the one before: the norm of its weights, that of the one before, and their
    distance.
    """

    norm: float
    norm_before: float
    step: float


class WeightNorms:
    """Follows the serving side of one line. What `change` looked at counts once `accept` was called."""

    def __init__(self, units: Mapping[int, Unit] = NO_UNITS) -> None:
        self._units: dict[int, Unit] = {}
        self._squares: dict[int, float] = {}
        self._total = 0.0
        self._rows_of: dict[int, frozenset[int]] = {}
        self._rows: set[int] = set()
        self._headers: list[int] = []
        self._dtypes: dict[int, np.dtype[Any]] = {}
        self._pending: dict[int, tuple[Unit | None, float]] = {}
        if units:
            self.change(SideDelta(units))
            self.accept()

    def change(self, delta: SideDelta) -> Moved:
        """What `delta` makes of the weights that were accepted last."""
        self._pending = {}
        for number, unit in delta.changed.items():
            self._note(number, unit)
        square = 0.0
        total = self._total
        for number, unit in delta.changed.items():
            now = self._weights(number, unit)
            before_unit = self._units.get(number)
            if not now and before_unit is None:
                continue
            before = {} if before_unit is None else self._weights(number, before_unit)
            squares = sum(map(_square, now.values()))
            keys = now.keys() | before.keys()
            square += sum(_square(now.get(key, 0.0) - before.get(key, 0.0)) for key in keys)
            total += squares - self._squares.get(number, 0.0)
            self._pending[number] = (unit, squares)
        for number in delta.dropped & self._units.keys():
            square += self._squares[number]
            total -= self._squares[number]
            self._pending[number] = (None, 0.0)
        return Moved(math.sqrt(max(total, 0.0)), math.sqrt(max(self._total, 0.0)), math.sqrt(square))

    def accept(self) -> None:
        """Take what `change` looked at for the newest version."""
        for number, (unit, squares) in self._pending.items():
            self._total += squares - self._squares.pop(number, 0.0)
            if unit is None:
                self._units.pop(number, None)
            else:
                self._units[number], self._squares[number] = unit, squares
        self._pending = {}

    def _note(self, number: int, unit: Unit) -> None:
        if unit[0] == _HEADER and number not in self._dtypes:
            match _unpack(unit):
                case [str() as name, str() as dtype, list(), int(), _] if dtype in (
                    "f4",
                    "f8",
                ) and not name.startswith(_STATISTICS):
                    self._dtypes[number] = np.dtype(f"<{dtype}")
                    self._headers = sorted(self._dtypes)
        elif _TABLE in unit:
            rows = frozenset(
                row
                for table in _tables(_unpack(unit))
                if type(table[2]) is list and table[2][:1] == [nodes.ROWS]
                for row in table[2][1:]
            )
            self._rows = (self._rows - self._rows_of.get(number, frozenset())) | rows
            self._rows_of[number] = rows

    def _weights(self, number: int, unit: Unit) -> Weights:
        if self._headers and (unit[0] in _BINS or unit.startswith(_BLOCK)):
            return self._block(number, unit)
        if number in self._rows and unit.startswith(_ROWS):
            return _numbers(plain_body(_unpack(unit)[1]))
        if _TABLE not in unit:
            return {}
        tables = list(_tables(_unpack(unit)))
        return {
            (i, key): value for i, table in enumerate(tables) for key, value in _numbers(table[2]).items()
        }

    def _block(self, number: int, unit: Unit) -> Weights:
        place = bisect_right(self._headers, number) - 1
        if place < 0 or number % 2 or self._headers[place] not in self._dtypes:
            return {}
        if unit[0] in _BINS:
            elements = np.frombuffer(_unpack(unit), self._dtypes[self._headers[place]]).astype(float)
        else:
            _, form, data = _unpack(unit)
            elements = restored(data, _count(data, form), form)
        return dict(enumerate(elements.tolist()))


def _tables(node: Any) -> Iterator[list[Any]]:
    """The tables that lie in `node`, itself included."""
    if type(node) is list:
        if len(node) == 6 and node[0] == nodes.TABLE and type(node[1]) is str:
            yield node
            return
        for inner in node:
            yield from _tables(inner)
    elif type(node) is dict:
        for inner in node.values():
            yield from _tables(inner)


def _numbers(body: Any) -> dict[Key, float]:
    if type(body) is list and body[:1] == [nodes.PAIRS]:
        body = {str(key): value for key, value in zip(body[1::2], body[2::2], strict=True)}
    if type(body) is not dict:
        return {}
    return {key: value for key, value in body.items() if type(value) is float}


def _square(number: float) -> float:
    """Its square; of what is larger than `LARGEST`, or not finite, that of `LARGEST`."""
    return number * number if -LARGEST < number < LARGEST else LARGEST * LARGEST


def _count(data: bytes, form: int) -> int:
    """How many rounded numbers `data` holds."""
    if form == BF16:
        return len(data) // 2
    blocks, rest = divmod(len(data), 68)
    return 64 * blocks + max(rest - 4, 0)
