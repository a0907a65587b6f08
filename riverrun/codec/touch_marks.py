"""Which objects were touched since a graph was last encoded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


class TouchMarks:
    """Collects the objects of `marked` types that were touched; not thread-safe.

    Whoever makes marks promises this: an object of a marked type, and whatever is reached from the root
    only through such objects, changes only when that object is touched. An encoder then need not look at
    objects of these types that were not. The same holds for the objects that attributes in `settled`, by
    exact type, refer to, each of which nothing else refers to. Touching too many costs time alone; one too
    few is what the encoder's audit is for: `missed` counts how often it found a change untold.

    `touched` has the objects by their `id()`, for those who touch so often that `touch` takes too long. They
    are held by reference too: no other object can get the same id before they are taken.
    """

    __slots__ = ("_rows", "marked", "missed", "settled", "touched")

    def __init__(
        self,
        marked: frozenset[type[Any]],
        settled: Mapping[type[Any], str] | None = None,
    ) -> None:
        self.marked = marked
        self.missed = 0
        self.settled = {} if settled is None else settled
        self.touched: dict[int, object] = {}
        self._rows: dict[int, tuple[Any, set[Any]]] = {}

    def touch(self, touched: object) -> None:
        """`touched` may be changed before it is next taken."""
        self.touched[id(touched)] = touched

    def touch_rows(self, table: Any, keys: Iterable[Any]) -> None:
        """The entries of `table` at `keys`, and no others, may be changed before they are next taken."""
        touched = self._rows.get(id(table))
        if touched is None:
            touched = self._rows[id(table)] = (table, set())
        touched[1].update(keys)

    def take(self) -> list[object]:
        """The objects touched since this was last called."""
        taken, self.touched = self.touched, {}
        return list(taken.values())

    def take_rows(self) -> list[tuple[Any, set[Any]]]:
        """The tables of which only some entries were touched since this was last called, and their keys."""
        taken, self._rows = self._rows, {}
        return list(taken.values())
