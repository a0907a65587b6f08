"""The units of one object graph: which live object has which number, and where containers lie."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from riverrun.codec import nodes
from riverrun.codec.leaf_values import Node
from riverrun.codec.row_table import RowTable
from riverrun.codec.touch_marks import TouchMarks

ShapeKey = tuple[str, tuple[str, ...]]
"""A class name, and the attributes that an instance holds."""

MAX_INLINE_ENTRIES = 64
"""Containers with more entries are units of their own; dicts among them are cut into rows."""

MIN_CLAIMED = 4096
"""Places of containers that are remembered before those no longer held are looked for."""

pack = msgspec.msgpack.Encoder().encode


class ObjectUnit:
    """A live object that is a unit: its number, its payload, and the units it refers to."""

    __slots__ = ("claims", "follows", "for_trainer", "marked", "number", "payload", "refs", "rows", "shared")

    def __init__(self, number: int, shared: object, marked: bool = False) -> None:
        self.number = number
        # Whether it needs a look only when it was touched.
        self.marked = marked
        # A strong reference: as long as it is held no other object can get the same id().
        self.shared = shared
        self.payload = b""
        self.refs: list[int] = []
        self.for_trainer: list[int] = []
        # Those of the units referred to that are looked at with this one; None where that is not known yet.
        self.follows: list[ObjectUnit] | None = None
        self.rows: RowTable | None = None
        self.claims: Claims | None = None


class Claims:
    """The containers that lie inside `unit`, as one writing of it found; `void` once it is written again."""

    __slots__ = ("unit", "void")

    def __init__(self, unit: ObjectUnit) -> None:
        self.unit = unit
        self.void = False


class UnitTable:
    """Gives numbers to objects, keeps them for as long as the objects are held, and never gives one twice.

    `current` is the unit that is being written, `refs` and `for_trainer` what it was found to refer to.
    `numbers` has each object's number by its `id()`; whoever refers to one that is there adds it to `refs`.
    `written` collects the payloads of shapes and rows as they come up; `found` the objects that became
    units, `again` the units that have to be written again, and `fresh` the numbers given to objects and
    shapes, since they were last taken. `marks` say which units need a look only when they were touched.
    """

    def __init__(self, marks: TouchMarks) -> None:
        self.next = nodes.ROOT_UNIT
        self._marks = marks
        self.objects: dict[int, ObjectUnit] = {}
        self.written: dict[int, bytes] = {}
        self.found: list[ObjectUnit] = []
        self.again: list[ObjectUnit] = []
        self.fresh: list[int] = []
        self.refs: list[int] = []
        self.for_trainer: list[int] = []
        self.numbers: dict[int, int] = {}
        self._shapes: dict[ShapeKey, int] = {}
        self._shape_keys: dict[int, ShapeKey] = {}
        self._claimed: dict[int, Claims] = {}
        self._claimed_at_most = MIN_CLAIMED
        self.current = ObjectUnit(-1, None)

    def restore(self, number: int, shared: object, payload: bytes, rows: RowTable | None) -> None:
        """Take in an object that had its number before; in the order of numbers."""
        unit = self._hold(number, shared)
        unit.payload, unit.rows = payload, rows

    def restore_shapes(self, shapes: Mapping[int, ShapeKey]) -> None:
        """Take in shapes that had their numbers before."""
        self._shapes = {shape: number for number, shape in shapes.items()}
        self._shape_keys = dict(shapes)

    def begin(self, unit: ObjectUnit) -> None:
        """From now on `unit` is written: references and containers that come up are its own."""
        if unit.claims is not None:
            unit.claims.void = True
            unit.claims = None
        self.current, self.refs, self.for_trainer = unit, [], []

    def begin_walk(self, units: Iterable[ObjectUnit]) -> None:
        """Forget which containers lie inside `units`, which are all written anew."""
        for unit in units:
            if unit.claims is not None:
                unit.claims.void = True
        if len(self._claimed) > self._claimed_at_most:
            self._claimed = {place: claims for place, claims in self._claimed.items() if not claims.void}
            self._claimed_at_most = max(MIN_CLAIMED, 2 * len(self._claimed))

    def number_of(self, shared: object) -> int:
        """The number of `shared`, -1 where it is no unit."""
        return self.numbers.get(id(shared), -1)

    def forget(self, number: int) -> None:
        """Let go of the object or shape `number`."""
        unit = self.objects.pop(number, None)
        if unit is not None:
            del self.numbers[id(unit.shared)]
            if unit.claims is not None:
                unit.claims.void = True
        shape = self._shape_keys.pop(number, None)
        if shape is not None:
            del self._shapes[shape]

    def adopt(self, shared: object) -> int:
        """The number of `shared`, which is a unit from now on; counts as a reference to it."""
        number = self._hold(self._take_number(), shared).number
        self.refs.append(number)
        return number

    def adopt_for_trainer(self, shared: object) -> int:
        """The number of `shared`, new or known, by a reference that only further learning follows."""
        number = self.numbers.get(id(shared))
        if number is None:
            # A container may lie inside a unit already, which then has to refer to it.
            self.claim(shared)
            number = self._hold(self._take_number(), shared).number
        self.for_trainer.append(number)
        return number

    def settle(self, shared: object) -> None:
        """`shared`, where it is a unit, needs a look only when it was touched."""
        number = self.numbers.get(id(shared))
        if number is not None:
            self.objects[number].marked = True

    def claim(self, container: object) -> bool:
        """Whether `container` lies inside this unit: true unless it is met for the second time."""
        owner = self._claimed.get(id(container))
        if owner is None or owner.void:
            mine = self.current.claims
            if mine is None:
                mine = self.current.claims = Claims(self.current)
            self._claimed[id(container)] = mine
            return True
        # It becomes a unit, and the unit where it was met first has to refer to it.
        self.again.append(owner.unit)
        return False

    def known_shape(self, shape: ShapeKey) -> int | None:
        """The number of the unit that `shape` is, where there is one; counts as a reference to it."""
        number = self._shapes.get(shape)
        if number is not None:
            self.refs.append(number)
        return number

    def adopt_shape(self, shape: ShapeKey) -> int:
        """The number of `shape`, which is a unit from now on; counts as a reference to it."""
        class_name, attributes = shape
        number = self._shapes[shape] = self._take_number()
        self._shape_keys[number] = shape
        self.written[number] = pack([nodes.SHAPE, class_name, list(attributes)])
        self.fresh.append(number)
        self.refs.append(number)
        return number

    def rows(self, entries: dict[Any, Any], write: Callable[[dict[Any, Any]], Node]) -> list[int] | None:
        """The numbers of the units that hold `entries` in rows; None where they are and were few."""
        table = self.current.rows
        if table is None:
            if len(entries) <= MAX_INLINE_ENTRIES:
                return None
            table = self.current.rows = RowTable()
        for row_unit in table.update(entries, lambda part: pack(write(part)), self._take_number):
            self.written[row_unit.number] = row_unit.payload
        numbers = table.numbers()
        self.refs += numbers
        return numbers

    def write_rows(
        self, unit: ObjectUnit, keys: Iterable[Any], write: Callable[[dict[Any, Any]], Node]
    ) -> bool:
        """Write those rows of `unit` that hold `keys`; False where the whole of it has to be written."""
        held = None if unit.rows is None else unit.rows.touched(keys)
        if held is None:
            return False
        table: Any = unit.shared
        try:
            payloads = [pack(write({key: table[key] for key in row.keys})) for row in held]
        except (KeyError, OverflowError, UnicodeEncodeError):
            return False
        for row, payload in zip(held, payloads, strict=True):
            if row.payload != payload:
                row.payload = self.written[row.number] = payload
        return True

    def _take_number(self) -> int:
        self.next += 1
        return self.next - 1

    def _hold(self, number: int, shared: object) -> ObjectUnit:
        unit = self.objects[number] = ObjectUnit(number, shared, type(shared) in self._marks.marked)
        self.numbers[id(shared)] = number
        self.found.append(unit)
        self.fresh.append(number)
        return unit
