"""Which objects were touched since a graph was last encoded."""

from __future__ import annotations

from typing import Any


class TouchMarks:
    """Collects the objects of `marked` types that were touched; not thread-safe.

    Whoever makes marks promises this: an object of a marked type, and whatever is reached from the root
    only through such objects, changes only when that object is touched. An encoder then need not look at
    objects of these types that were not. The same holds for the objects that trainer-only attributes of
    `settled` types refer to, each of which nothing else refers to. Touching too many costs time alone; one
    too few is what the encoder's audit is for.
    """

    __slots__ = ("_touched", "marked", "settled")

    def __init__(self, marked: frozenset[type[Any]], settled: frozenset[type[Any]] = frozenset()) -> None:
        self.marked = marked
        self.settled = settled
        self._touched: dict[int, object] = {}

    def touch(self, touched: object) -> None:
        """`touched` may be changed before it is next taken."""
        # Held by reference too: no other object can get its id() before it is taken.
        self._touched[id(touched)] = touched

    def take(self) -> list[object]:
        """The objects touched since this was last called."""
        taken, self._touched = self._touched, {}
        return list(taken.values())
