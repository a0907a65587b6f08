"""Which units of a graph that was built have to be read again when others change."""

from __future__ import annotations


class UnitTies:
    """What was found while units were read, so that later no others have to be read than those that must.

    `leaves` can only be made anew, not changed; `open_tables` are those among them that show all entries
    they hold. `watchers` has, for a number that matters so, the units that refer to it: a leaf, or what is
    not here yet. `table_of` has the table that each row unit belongs to. `hashing` units hold objects by
    their hash, which may change with any of them.
    """

    __slots__ = ("_watchers", "hashing", "leaves", "open_tables", "table_of")

    def __init__(self) -> None:
        self.leaves: set[int] = set()
        self.open_tables: set[int] = set()
        self.table_of: dict[int, int] = {}
        self.hashing: set[int] = set()
        self._watchers: dict[int, set[int]] = {}

    def watch(self, number: int, watcher: int) -> None:
        """`watcher` has to be read again when `number` is made anew, comes or goes."""
        self._watchers.setdefault(number, set()).add(watcher)

    def watchers(self, number: int) -> frozenset[int]:
        """The units that watch `number`."""
        return frozenset(self._watchers.get(number, ()))

    def take_watchers(self, number: int) -> set[int]:
        """The same; they watch no longer, and do again once they are read."""
        return self._watchers.pop(number, set())

    def forget(self, number: int) -> None:
        """`number` is a unit no more."""
        self.table_of.pop(number, None)
        self.leaves.discard(number)
        self.open_tables.discard(number)
        self.hashing.discard(number)
