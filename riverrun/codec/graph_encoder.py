"""An object graph as numbered units, and what changed since it was last looked at."""

from __future__ import annotations

from collections.abc import Mapping

from riverrun.codec import nodes
from riverrun.codec.allow_list import AllowList
from riverrun.codec.graph_path import path_to
from riverrun.codec.row_table import RowTable
from riverrun.codec.unit_table import ObjectUnit, ShapeKey, UnitTable, pack
from riverrun.codec.value_writer import Refused, ValueWriter
from riverrun.core.digest import HashTree
from riverrun.core.errors import InvalidInput
from riverrun.core.units import Delta, SideDelta, State


class GraphEncoder:
    """Turns the graph below one root object into units, and tells what changed; not thread-safe.

    An object keeps its number for as long as it is reachable; numbers are given in the order in which
    objects are found and are never given again. Which numbers are given depends on the state alone, so
    an encoder that was restored from a state goes on exactly like the one that wrote it.
    """

    def __init__(self, allow: AllowList) -> None:
        self._table = UnitTable()
        self._writer = ValueWriter(allow, self._table)
        self._sides: tuple[dict[int, bytes], dict[int, bytes]] = ({}, {})
        self._trees = (HashTree(), HashTree())
        self._edges_changed = True

    @classmethod
    def restored(
        cls,
        allow: AllowList,
        state: State,
        objects: Mapping[int, object],
        shapes: Mapping[int, ShapeKey],
        rows: Mapping[int, RowTable],
    ) -> GraphEncoder:
        """An encoder that has just written `state` of the given live objects, all by unit number."""
        encoder = cls(allow)
        table = encoder._table
        for number, shared in sorted(objects.items(), key=lambda item: item[0]):
            payload = state.serving[number] if number in state.serving else state.trainer[number]
            table.restore(number, shared, payload, rows.get(number))
        table.restore_shapes(shapes)
        table.next = state.next_unit
        encoder._sides = (dict(state.serving), dict(state.trainer))
        encoder._trees = (HashTree(state.serving), HashTree(state.trainer))
        return encoder

    def encode(self, root: object) -> Delta:
        """What changed below `root` since the last call; everything at the first call.

        Raises `InvalidInput`, naming the path, when something below `root` cannot be stored; nothing is
        lost by that: the next call tells it all. `root` has to be the same object at every call.
        """
        if not self._table.objects:
            self._table.adopt(root)
        elif self._table.objects[nodes.ROOT_UNIT].shared is not root:
            raise InvalidInput("root", "an encoder follows one object, and this is another")
        try:
            self._write_touched()
        except Refused as refused:
            holder = self._table.current.shared
            path = path_to(root, refused.culprit) or path_to(root, holder) or "model"
            raise InvalidInput(path, refused.why) from refused
        return self._commit()

    def roots(self) -> tuple[bytes, bytes]:
        """The roots of the serving and the trainer side as of the last `encode`."""
        return self._trees[0].root, self._trees[1].root

    def state(self) -> State:
        """The whole state as of the last `encode`."""
        return State(dict(self._sides[0]), dict(self._sides[1]), self._table.next)

    def _write_touched(self) -> None:
        """Write the units that may have changed, in the order of numbers, then those found meanwhile.

        This is the full walk: every unit may have changed.
        """
        table = self._table
        table.begin_walk()
        queue = list(table.objects.values())
        while queue:
            table.found, table.again = [], []
            for unit in queue:
                self._write(unit)
            queue = table.again + table.found

    def _write(self, unit: ObjectUnit) -> None:
        try:
            payload = self._payload(unit)
        except (OverflowError, UnicodeEncodeError):
            # MessagePack cannot say a long integer or malformed text; rare, so looked for only now.
            self._writer.careful = True
            try:
                payload = self._payload(unit)
            finally:
                self._writer.careful = False
        if payload != unit.payload:
            unit.payload = self._table.written[unit.number] = payload
        refs, for_trainer = self._table.refs, self._table.for_trainer
        if refs != unit.refs or for_trainer != unit.for_trainer:
            unit.refs, unit.for_trainer = refs, for_trainer
            self._edges_changed = True

    def _payload(self, unit: ObjectUnit) -> bytes:
        self._table.begin(unit)
        return pack(self._writer.unit(unit.shared))

    def _commit(self) -> Delta:
        written, self._table.written = self._table.written, {}
        if self._edges_changed:
            deltas = self._sort_into_sides(written)
            self._edges_changed = False
        else:
            serving, trainer = self._sides
            deltas = (
                SideDelta({n: unit for n, unit in written.items() if n in serving and serving[n] != unit}),
                SideDelta({n: unit for n, unit in written.items() if n in trainer and trainer[n] != unit}),
            )
        for side, tree, delta in zip(self._sides, self._trees, deltas, strict=True):
            delta.apply_in_place(side)
            tree.update(delta)
        return Delta(*deltas, self._table.next)

    def _sort_into_sides(self, written: Mapping[int, bytes]) -> tuple[SideDelta, SideDelta]:
        """What changed on each side, after letting go of what is no longer reached."""
        units = self._table.objects
        serving = self._reach([nodes.ROOT_UNIT], frozenset(), for_trainer=False)
        edges = [n for number in serving if number in units for n in units[number].for_trainer]
        trainer = self._reach(edges, serving, for_trainer=True)
        for number in set(self._table.numbers()) - serving - trainer:
            self._table.forget(number)
        return self._side_delta(0, serving, written), self._side_delta(1, trainer, written)

    def _reach(self, start: list[int], beyond: set[int] | frozenset[int], *, for_trainer: bool) -> set[int]:
        reached: set[int] = set()
        stack = start
        while stack:
            number = stack.pop()
            if number in reached or number in beyond:
                continue
            reached.add(number)
            unit = self._table.objects.get(number)
            if unit is not None:
                stack += unit.refs
                if for_trainer:
                    stack += unit.for_trainer
        return reached

    def _side_delta(self, side: int, now: set[int], written: Mapping[int, bytes]) -> SideDelta:
        before, other = self._sides[side], self._sides[1 - side]
        # Written is not yet changed: a unit that was written twice may be what it was before.
        changed = {n: unit for n, unit in written.items() if n in now and before.get(n) != unit}
        for number in now - before.keys() - changed.keys():
            changed[number] = other[number]
        return SideDelta(changed, frozenset(before.keys() - now))
