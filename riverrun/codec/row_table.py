"""Large dicts cut into rows, so that a changed entry does not resend the table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

ROWS_PER_UNIT = 16
"""Entries that one row unit holds at most."""


@dataclass(slots=True)
class RowUnit:
    """A run of neighbouring entries: its unit's number, its keys in order, and its payload."""

    number: int
    keys: list[Any]
    payload: bytes = b""


@dataclass(slots=True)
class RowTable:
    """The row units of one dict, in the order of its entries.

    An entry stays in its row unit for as long as it keeps its place among the others; new entries fill
    the last row unit, then open new ones; a row unit that runs empty is dropped. So the cut is decided
    by the cut before it and the dict alone, and a restored table goes on as one never stored.
    """

    units: list[RowUnit] = field(default_factory=list)
    _by_key: dict[Any, RowUnit] = field(default_factory=dict, compare=False, repr=False)

    def update(
        self,
        entries: dict[Any, Any],
        write: Callable[[dict[Any, Any]], bytes],
        new_number: Callable[[], int],
    ) -> Iterator[RowUnit]:
        """Cut `entries` anew and yield each row unit whose payload changed; exhaust it before asking again.

        A failing `write` leaves a table that a later `update` puts right.
        """
        keys = list(entries)
        if keys != [key for unit in self.units for key in unit.keys]:
            self._fit(keys, new_number)
            self._by_key.clear()
        items = iter(entries.items())
        for unit in self.units:
            payload = write(dict(islice(items, len(unit.keys))))
            if payload != unit.payload:
                unit.payload = payload
                yield unit

    def numbers(self) -> list[int]:
        """The numbers of the row units, in order."""
        return [unit.number for unit in self.units]

    def touched(self, keys: Iterable[Any]) -> list[RowUnit] | None:
        """The row units that hold `keys`; None where one of them was not there when the table was cut."""
        if not self._by_key:
            self._by_key = {key: unit for unit in self.units for key in unit.keys}
        held = self._by_key
        if any(key not in held for key in keys):
            return None
        units = {held[key].number: held[key] for key in keys}
        return [units[number] for number in sorted(units)]

    def _fit(self, keys: Sequence[Any], new_number: Callable[[], int]) -> None:
        start = 0
        for unit in self.units:
            end = start + len(unit.keys)
            if keys[start:end] == unit.keys:
                start = end
                continue
            kept: list[Any] = []
            for key in unit.keys:
                if start < len(keys) and keys[start] == key:
                    kept.append(key)
                    start += 1
            unit.keys = kept
        if any(not unit.keys for unit in self.units):
            self.units = [unit for unit in self.units if unit.keys]
        while start < len(keys):
            if not self.units or len(self.units[-1].keys) >= ROWS_PER_UNIT:
                self.units.append(RowUnit(new_number(), []))
            last = self.units[-1].keys
            end = start + ROWS_PER_UNIT - len(last)
            last.extend(keys[start:end])
            start = end
