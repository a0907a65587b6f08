"""Which units of a serving side may be rounded, and what they become.

Only numbers that an answer is computed from, and nothing is counted or compared by: the weights of River's
linear models where they are many enough to be kept in rows, and the elements of tensors of two dimensions or
more. Counts, means, variances and the splits of trees stay exact, and so do biases and buffers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from riverrun.codec import nodes
from riverrun.codec.rounding import rounded
from riverrun.core.units import SideDelta, Unit

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode
_TABLE = bytes([0x96, nodes.TABLE])
_PLAIN_ROWS = bytes([0x92, nodes.ROW_UNIT])


class RoundingUnits:
    """Rounds units of one serving side, delta by delta; `form` None rounds none."""

    def __init__(self, form: int | None) -> None:
        self._form = form
        self._rows_of: dict[int, frozenset[int]] = {}
        self._rows: set[int] = set()

    def rounded(self, delta: SideDelta) -> dict[int, Unit]:
        """Those of the changed units that can be rounded, as they are then."""
        if self._form is None:
            return {}
        for number in delta.dropped & self._rows_of.keys():
            self._rows -= self._rows_of.pop(number)
        for number, unit in delta.changed.items():
            if unit.startswith(_TABLE):
                self._note_table(number, _unpack(unit)[2])
        rows = {n: body for n, body in self._weights(delta.changed).items() if _are_numbers(body)}
        cells = rounded([list(body.values()) for body in rows.values()], self._form)
        return {
            number: _pack([nodes.ROW_UNIT, [nodes.ROUNDED, self._form, list(body), cell]])
            for (number, body), cell in zip(rows.items(), cells, strict=True)
            if cell is not None
        }

    def _note_table(self, number: int, body: Any) -> None:
        before = self._rows_of.get(number, frozenset())
        now = frozenset(body[1:]) if type(body) is list and body[0] == nodes.ROWS else frozenset()
        self._rows_of[number] = now
        self._rows = (self._rows - before) | now

    def _weights(self, changed: Mapping[int, Unit]) -> dict[int, Any]:
        units = ((number, changed[number]) for number in self._rows.intersection(changed))
        return {number: _unpack(unit)[1] for number, unit in units if unit.startswith(_PLAIN_ROWS)}


def _are_numbers(body: Any) -> bool:
    """Whether a row holds nothing but numbers with a point, under plain keys."""
    return (
        type(body) is dict
        and nodes.ATOMS.issuperset(map(type, body))
        and set(map(type, body.values())) == {float}
    )
