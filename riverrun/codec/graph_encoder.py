"""An object graph as numbered units, and what changed since it was last looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from riverrun.codec import nodes
from riverrun.codec.allow_list import AllowList
from riverrun.codec.graph_path import path_to
from riverrun.codec.reach import Reach
from riverrun.codec.row_table import RowTable, RowUnit
from riverrun.codec.touch_marks import TouchMarks
from riverrun.codec.unit_table import ObjectUnit, ShapeKey, UnitTable, pack
from riverrun.codec.unwritable import Unwritable
from riverrun.codec.value_writer import ValueWriter
from riverrun.core.digest import HashTree
from riverrun.core.errors import InvalidInput
from riverrun.core.units import Delta, SideDelta, State

AUDITED_UNITS = 32
"""Units that each `encode` looks at although nothing touched them."""


class GraphEncoder:
    """Turns the graph below one root object into units, and tells what changed; not thread-safe.

    An object keeps its number for as long as it is reachable; numbers are given in the order in which
    objects are found and are never given again. Which numbers are given depends on the state alone, so
    an encoder that was restored from a state goes on exactly like the one that wrote it.

    Encoding changes nothing but the order in which sets iterate: they are filled anew as a decoder fills
    its own, so that trainers and readers of one hash seed iterate alike.

    A rolling audit looks at a few more units at each call. Where one changed and no mark told of it, the
    marks count it and the whole graph is looked at, so that the state told is right again.
    """

    def __init__(self, allow: AllowList, marks: TouchMarks | None = None) -> None:
        """Every call of `encode` looks at the whole graph, but for what `marks` say was not touched."""
        self._marks = TouchMarks(frozenset()) if marks is None else marks
        self._table = UnitTable(self._marks)
        self._writer = ValueWriter(allow, self._table, self._marks.settled)
        self._sides: tuple[dict[int, bytes], dict[int, bytes]] = ({}, {})
        self._trees = (HashTree(), HashTree())
        self._edges: dict[int, tuple[list[int], list[int]]] = {}
        self._serving = Reach(nodes.ROOT_UNIT, self._refs)
        self._whole = Reach(nodes.ROOT_UNIT, self._all_refs)
        # Nothing is known of what refers to what before the first walk, nor after one that failed.
        self._walk_all = True
        self._audit = self._rounds()

    @classmethod
    def restored(
        cls,
        allow: AllowList,
        state: State,
        objects: Mapping[int, object],
        shapes: Mapping[int, ShapeKey],
        rows: Mapping[int, RowTable],
        marks: TouchMarks | None = None,
    ) -> GraphEncoder:
        """An encoder that has just written `state` of the given live objects, all by unit number."""
        encoder = cls(allow, marks)
        table = encoder._table
        for number, shared in sorted(objects.items(), key=lambda item: item[0]):
            payload = state.serving[number] if number in state.serving else state.trainer[number]
            table.restore(number, shared, payload, rows.get(number))
        table.restore_shapes(shapes)
        table.next = state.next_unit
        table.found, table.fresh = [], []
        encoder._sides = (dict(state.serving), dict(state.trainer))
        encoder._trees = (HashTree(state.serving), HashTree(state.trainer))
        return encoder

    @property
    def is_fresh(self) -> bool:
        """Whether nothing was encoded yet, nor restored."""
        return not self._sides[0]

    def encode(self, root: object) -> Delta:
        """What changed below `root` since the last call; everything at the first call.

        Raises `InvalidInput`, naming the path, when something below `root` cannot be stored; nothing is
        lost by that: the next call tells it all. `root` has to be the same object at every call.
        """
        if not self._table.objects:
            self._table.adopt(root)
        elif self._table.objects[nodes.ROOT_UNIT].shared is not root:
            raise InvalidInput("root", "an encoder follows one object, and this is another")
        touched, rows = self._marks.take(), self._marks.take_rows()
        try:
            if self._walk_all or self._misses(touched, rows):
                self._walk(list(self._table.objects.values()))
        except Unwritable as unwritable:
            self._walk_all = True
            holder = self._table.current.shared
            path = path_to(root, unwritable.culprit) or path_to(root, holder) or "model"
            raise InvalidInput(path, unwritable.why) from unwritable
        self._walk_all = False
        return self._commit()

    def roots(self) -> tuple[bytes, bytes]:
        """The roots of the serving and the trainer side as of the last `encode`."""
        return self._trees[0].root, self._trees[1].root

    def state(self) -> State:
        """The whole state as of the last `encode`."""
        return State(dict(self._sides[0]), dict(self._sides[1]), self._table.next)

    def _misses(self, touched: list[object], rows: Iterable[tuple[Any, set[Any]]]) -> bool:
        """Write what may have changed; whether that may not be all."""
        touched += [table for table, keys in rows if not self._writes_rows(table, keys)]
        units = self._to_look_at(touched)
        self._walk([units[number] for number in sorted(units)])
        if self._reaches_beyond(units):
            return True
        for unit, row in islice(self._audit, min(AUDITED_UNITS, len(self._table.objects))):
            if unit.number not in units and self._changes(unit, row):
                self._marks.missed += 1
                return True
        return False

    def _writes_rows(self, table: object, keys: Iterable[Any]) -> bool:
        """Write the entries of `table` at `keys`; whether that was enough."""
        unit = self._table.objects.get(self._table.number_of(table))
        return unit is None or self._table.write_rows(unit, keys, self._writer.row_unit)

    def _to_look_at(self, touched: Iterable[object]) -> dict[int, ObjectUnit]:
        """The units that are touched, or reached otherwise than through untouched ones of marked types."""
        objects = self._table.objects
        numbers = map(self._table.number_of, touched)
        stack = [objects[nodes.ROOT_UNIT], *(objects[number] for number in numbers if number in objects)]
        found: dict[int, ObjectUnit] = {}
        while stack:
            unit = stack.pop()
            if unit.number not in found:
                found[unit.number] = unit
                if unit.follows is None:
                    below = map(objects.get, chain(unit.refs, unit.for_trainer))
                    unit.follows = [other for other in below if other is not None and not other.marked]
                stack += unit.follows
        return found

    def _reaches_beyond(self, units: Mapping[int, ObjectUnit]) -> bool:
        """Whether something came to refer to a unit that could have been changed through that alone."""
        objects = self._table.objects
        targets = {target for number in self._edges for target in self._all_refs(number)}
        beyond = (targets & objects.keys()) - units.keys() - set(self._table.fresh)
        return any(not objects[number].marked for number in beyond)

    def _rounds(self) -> Iterator[tuple[ObjectUnit, RowUnit | None]]:
        """The units in turn, round after round, to be looked at whether or not they were touched."""
        objects = self._table.objects
        while True:
            for number in list(objects):
                unit = objects.get(number)
                if unit is not None and unit.marked and unit.rows is not None:
                    yield from ((unit, row) for row in unit.rows.units)
                elif unit is not None:
                    yield unit, None

    def _changes(self, unit: ObjectUnit, row: RowUnit | None) -> bool:
        """Write `unit`, or one row of it; whether it was not what it was believed to be."""
        if row is not None:
            believed = row.payload
            return (
                not self._table.write_rows(unit, row.keys, self._writer.row_unit) or row.payload != believed
            )
        believed = unit.payload
        self._write(unit)
        return unit.payload != believed or bool(self._table.found)

    def _walk(self, queue: list[ObjectUnit]) -> None:
        """Write the units of `queue`, in the order of numbers, then those found meanwhile."""
        table = self._table
        table.begin_walk(queue)
        while queue:
            table.found, table.again = [], []
            for unit in queue:
                self._write(unit)
            queue = table.again + table.found

    def _write(self, unit: ObjectUnit) -> None:
        self._table.begin(unit)
        try:
            payload = pack(self._writer.unit(unit.shared))
        except (OverflowError, UnicodeEncodeError):
            # MessagePack cannot say a long integer or malformed text; rare, so looked for only now.
            self._table.begin(unit)
            payload = pack(self._writer.careful_unit(unit.shared))
        if payload != unit.payload:
            unit.payload = self._table.written[unit.number] = payload
        refs, for_trainer = self._table.refs, self._table.for_trainer
        if refs != unit.refs or for_trainer != unit.for_trainer:
            self._edges.setdefault(unit.number, (unit.refs, unit.for_trainer))
            unit.refs, unit.for_trainer, unit.follows = refs, for_trainer, None

    def _refs(self, number: int) -> Sequence[int]:
        unit = self._table.objects.get(number)
        return () if unit is None else unit.refs

    def _all_refs(self, number: int) -> Sequence[int]:
        unit = self._table.objects.get(number)
        return () if unit is None else unit.refs + unit.for_trainer

    def _commit(self) -> Delta:
        table = self._table
        written, table.written = table.written, {}
        fresh, table.fresh = table.fresh, []
        moved = self._follow_edges()
        for number in moved.union(fresh):
            if number not in self._whole:
                table.forget(number)
        deltas = self._side_deltas(moved, written)
        for side, tree, delta in zip(self._sides, self._trees, deltas, strict=True):
            delta.apply_in_place(side)
            tree.update(delta)
        return Delta(*deltas, table.next)

    def _follow_edges(self) -> set[int]:
        """The numbers that may have come to another side than they were on."""
        if not self._edges:
            return set()
        edges, self._edges = self._edges, {}
        # What a restored state held and nothing was found to refer to falls away with the first walk.
        first = nodes.ROOT_UNIT not in self._whole
        moved = {n for side in self._sides for n in side} if first else set()
        moved.update(*self._serving.update({n: refs for n, (refs, _) in edges.items()}))
        moved.update(*self._whole.update({n: refs + others for n, (refs, others) in edges.items()}))
        return moved

    def _side_deltas(self, moved: Iterable[int], written: Mapping[int, bytes]) -> tuple[SideDelta, SideDelta]:
        serving, whole = self._serving.numbers(), self._whole.numbers()
        changed: tuple[dict[int, bytes], dict[int, bytes]] = ({}, {})
        for number, unit in written.items():
            if number in serving:
                changed[0][number] = unit
            elif number in whole:
                changed[1][number] = unit
        dropped: tuple[set[int], set[int]] = (set(), set())
        for number in moved:
            side = 0 if number in serving else 1 if number in whole else None
            for candidate, before in enumerate(self._sides):
                if candidate != side and number in before:
                    dropped[candidate].add(number)
                elif candidate == side and number not in before and number not in changed[side]:
                    changed[side][number] = self._sides[1 - side][number]
        # Written is not yet changed: a unit that was written twice may be what it was before.
        really = [
            {n: unit for n, unit in units.items() if before.get(n) != unit}
            for units, before in zip(changed, self._sides, strict=True)
        ]
        return SideDelta(really[0], frozenset(dropped[0])), SideDelta(really[1], frozenset(dropped[1]))
