"""An object graph as numbered units, and what changed since it was last looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from riverrun.codec import nodes
from riverrun.codec.allow_list import AllowList
from riverrun.codec.graph_path import path_to
from riverrun.codec.leaf_values import Node
from riverrun.codec.row_table import RowTable
from riverrun.codec.value_writer import MAX_INLINE_ENTRIES, Refused, ValueWriter
from riverrun.core.digest import HashTree
from riverrun.core.errors import InvalidInput
from riverrun.core.units import Delta, SideDelta, State

Shape = tuple[str, tuple[str, ...]]
"""A class name, and the attributes that an instance holds."""

_pack = msgspec.msgpack.Encoder().encode


class ObjectUnit:
    """A live object that is a unit: its number, its payload and the units it refers to."""

    __slots__ = ("claims", "for_trainer", "number", "payload", "refs", "rows", "shared")

    def __init__(self, number: int, shared: object) -> None:
        self.number = number
        # A strong reference: as long as it is held no other object can get the same id().
        self.shared = shared
        self.payload = b""
        self.refs: list[int] = []
        self.for_trainer: list[int] = []
        self.rows: RowTable | None = None
        self.claims: _Claims | None = None


class _Claims:
    """The containers that one run over one unit found inside it; `void` once the unit is written again."""

    __slots__ = ("unit", "void")

    def __init__(self, unit: ObjectUnit) -> None:
        self.unit = unit
        self.void = False


class GraphEncoder:
    """Turns the graph below one root object into units, and tells what changed; not thread-safe.

    An object keeps its number for as long as it is reachable; numbers are given in the order in which
    objects are found and are never given again. Which numbers are given depends on the state alone, so
    an encoder that was restored from a state goes on exactly like the one that wrote it.
    """

    def __init__(self, allow: AllowList) -> None:
        self._writer = ValueWriter(allow, self)
        self._next = nodes.ROOT_UNIT
        self._units: dict[int, ObjectUnit] = {}
        self._numbers: dict[int, int] = {}
        self._shapes: dict[Shape, int] = {}
        self._shape_keys: dict[int, Shape] = {}
        self._sides: tuple[dict[int, bytes], dict[int, bytes]] = ({}, {})
        self._trees = (HashTree(), HashTree())
        # What was written since the last successful encode; it survives an encode that is refused.
        self._written: dict[int, bytes] = {}
        self._edges_changed = True
        self._current = ObjectUnit(-1, None)
        self._refs: list[int] = []
        self._for_trainer: list[int] = []
        self._claimed: dict[int, _Claims] = {}
        self._claims = _Claims(self._current)
        self._again: list[ObjectUnit] = []
        self._found: list[ObjectUnit] = []

    @classmethod
    def restored(
        cls,
        allow: AllowList,
        state: State,
        objects: Mapping[int, object],
        shapes: Mapping[int, Shape],
        rows: Mapping[int, RowTable],
    ) -> GraphEncoder:
        """An encoder that has just written `state` of the given live objects, by unit number."""
        encoder = cls(allow)
        encoder._next = state.next_unit
        encoder._shapes = {shape: number for number, shape in shapes.items()}
        encoder._shape_keys = dict(shapes)
        for number, shared in sorted(objects.items()):
            unit = encoder._new_unit(number, shared)
            unit.payload = state.serving.get(number) or state.trainer[number]
            unit.rows = rows.get(number)
        encoder._sides = (dict(state.serving), dict(state.trainer))
        encoder._trees = (HashTree(state.serving), HashTree(state.trainer))
        return encoder

    def encode(self, root: object) -> Delta:
        """What changed below `root` since the last call; everything at the first call.

        Raises `InvalidInput`, naming the path, when something below `root` cannot be stored; nothing is
        lost by that, the next call tells it all. `root` has to be the same object at every call.
        """
        if not self._units:
            self._new_unit(self._take_number(), root)
        elif self._units[nodes.ROOT_UNIT].shared is not root:
            raise InvalidInput("root", "an encoder follows one object; this is another")
        try:
            self._write_touched()
        except Refused as refused:
            path = path_to(root, refused.culprit)
            raise InvalidInput(path, refused.why) from refused
        finally:
            self._claimed.clear()
        return self._commit()

    def roots(self) -> tuple[bytes, bytes]:
        """The roots of the serving and the trainer side as of the last `encode`."""
        return self._trees[0].root, self._trees[1].root

    def state(self) -> State:
        """The whole state as of the last `encode`."""
        return State(dict(self._sides[0]), dict(self._sides[1]), self._next)

    # -- What the writer asks of the graph (value_writer.Units)

    def known(self, shared: object) -> int | None:
        number = self._numbers.get(id(shared))
        if number is not None:
            self._refs.append(number)
        return number

    def adopt(self, shared: object) -> int:
        number = self._new_unit(self._take_number(), shared).number
        self._refs.append(number)
        return number

    def adopt_for_trainer(self, shared: object) -> int:
        number = self._numbers.get(id(shared))
        if number is None:
            number = self._new_unit(self._take_number(), shared).number
        self._for_trainer.append(number)
        return number

    def claim(self, container: object) -> bool:
        owner = self._claimed.get(id(container))
        if owner is None or owner.void:
            self._claimed[id(container)] = self._claims
            return True
        # Met a second time: it becomes a unit, and where it was met first is written again.
        self._again.append(owner.unit)
        return False

    def shape(self, class_name: str, attributes: tuple[str, ...]) -> int:
        key = (class_name, attributes)
        number = self._shapes.get(key)
        if number is None:
            number = self._shapes[key] = self._take_number()
            self._shape_keys[number] = key
            self._written[number] = _pack([nodes.SHAPE, class_name, list(attributes)])
        self._refs.append(number)
        return number

    def rows(self, entries: dict[Any, Any], write: Callable[[dict[Any, Any]], Node]) -> list[int] | None:
        table = self._current.rows
        if table is None:
            if len(entries) <= MAX_INLINE_ENTRIES:
                return None
            table = self._current.rows = RowTable()
        for row_unit in table.update(entries, lambda part: _pack(write(part)), self._take_number):
            self._written[row_unit.number] = row_unit.payload
        numbers = table.numbers()
        self._refs += numbers
        return numbers

    # -- The walk

    def _write_touched(self) -> None:
        """Write every unit that may have changed, in the order of numbers, then those found meanwhile.

        This is the full walk: every unit may have changed.
        """
        queue = list(self._units.values())
        while queue:
            self._found = []
            self._again = []
            for unit in queue:
                self._write(unit)
            queue = self._again + self._found

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
            unit.payload = payload
            self._written[unit.number] = payload
        if self._refs != unit.refs or self._for_trainer != unit.for_trainer:
            unit.refs, unit.for_trainer = self._refs, self._for_trainer
            self._edges_changed = True

    def _payload(self, unit: ObjectUnit) -> bytes:
        if unit.claims is not None:
            unit.claims.void = True
        unit.claims = self._claims = _Claims(unit)
        self._current, self._refs, self._for_trainer = unit, [], []
        return _pack(self._writer.unit(unit.shared))

    def _take_number(self) -> int:
        self._next += 1
        return self._next - 1

    def _new_unit(self, number: int, shared: object) -> ObjectUnit:
        unit = self._units[number] = ObjectUnit(number, shared)
        self._numbers[id(shared)] = number
        self._found.append(unit)
        return unit

    # -- What changed

    def _commit(self) -> Delta:
        if self._edges_changed:
            deltas = self._sort_into_sides()
            self._edges_changed = False
        else:
            serving = self._sides[0]
            deltas = (
                SideDelta({n: unit for n, unit in self._written.items() if n in serving}),
                SideDelta({n: unit for n, unit in self._written.items() if n not in serving}),
            )
        self._written = {}
        for side, tree, delta in zip(self._sides, self._trees, deltas, strict=True):
            delta.apply_in_place(side)
            tree.update(delta)
        return Delta(*deltas, self._next)

    def _sort_into_sides(self) -> tuple[SideDelta, SideDelta]:
        serving = self._reach([nodes.ROOT_UNIT], set(), for_trainer=False)
        edges = [n for unit in self._units.values() if unit.number in serving for n in unit.for_trainer]
        trainer = self._reach(edges, serving, for_trainer=True)
        deltas = (self._side_delta(0, serving), self._side_delta(1, trainer))
        for number in (self._units.keys() | self._shape_keys.keys()) - serving - trainer:
            self._forget(number)
        return deltas

    def _reach(self, start: list[int], apart_from: set[int], *, for_trainer: bool) -> set[int]:
        reached: set[int] = set()
        stack = start
        while stack:
            number = stack.pop()
            if number in reached or number in apart_from:
                continue
            reached.add(number)
            unit = self._units.get(number)
            if unit is not None:
                stack += unit.refs
                if for_trainer:
                    stack += unit.for_trainer
        return reached

    def _side_delta(self, side: int, now: set[int]) -> SideDelta:
        before, other = self._sides[side], self._sides[1 - side]
        changed = {n: unit for n, unit in self._written.items() if n in now}
        for number in now - before.keys() - changed.keys():
            changed[number] = other[number]
        return SideDelta(changed, frozenset(before.keys() - now))

    def _forget(self, number: int) -> None:
        unit = self._units.pop(number, None)
        if unit is not None:
            del self._numbers[id(unit.shared)]
        shape = self._shape_keys.pop(number, None)
        if shape is not None:
            del self._shapes[shape]
