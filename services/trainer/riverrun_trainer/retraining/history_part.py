"""Which rows of the history's files a line has learned, committed with each version."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from riverrun.core.errors import InvalidInput
from riverrun.core.parts import Part, units_of
from riverrun.core.units import SideDelta, Unit

WHOLE = -1


class HistoryPart:
    """Rows taken by the file's name, in one unit; `WHOLE` for a file of which none is left.

    It stays with the line after that took over: a retrain that goes on from it learns no file again.
    """

    def __init__(self, units: Mapping[int, Unit]) -> None:
        """`units` are those of all parts, numbered as in the state. Raises `InvalidInput`."""
        self._told = units_of(Part.HISTORY, units).get(0)
        self._taken: dict[str, int] = {}
        if self._told is not None:
            try:
                self._taken = msgspec.msgpack.decode(self._told, type=dict[str, int])
            except msgspec.DecodeError as error:
                raise InvalidInput("state", "expected rows taken, by file") from error

    def taken(self, name: str) -> int:
        """Rows of the file called `name` that were taken, or `WHOLE`."""
        return self._taken.get(name, 0)

    def take(self, name: str, rows: int) -> None:
        """`rows` of that file are learned or refused; `WHOLE`: all are."""
        self._taken[name] = rows

    def changes(self) -> SideDelta:
        """See `StatePart.changes`."""
        unit = msgspec.msgpack.encode(self._taken, order="sorted")
        if not self._taken or unit == self._told:
            return SideDelta()
        self._told = unit
        return SideDelta({0: unit})
