"""One object graph while it is built from units, and afterwards, when it is brought to another state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec
import numpy as np

from riverrun.codec import nodes
from riverrun.codec.allow_list import AllowList
from riverrun.codec.class_layout import is_dunder, layout_of
from riverrun.codec.leaf_values import Node
from riverrun.codec.row_table import RowTable, RowUnit
from riverrun.codec.value_reader import Malformed, Shape, ValueReader, put
from riverrun.core.units import SideDelta, Unit

_unpack = msgspec.msgpack.Decoder().decode
_NOT_YET = object()
_CONTAINERS = frozenset({nodes.LIST, nodes.PAIRS, nodes.ROWS, nodes.MAPPING, nodes.SET, nodes.DEQUE})
_LEAVES = frozenset(
    {
        nodes.ARRAY,
        nodes.BYTEARRAY,
        nodes.OPAQUE,
        nodes.TABLE,
        nodes.RANDOM,
        nodes.RANDOM_STATE,
        nodes.BIT_GENERATOR,
        nodes.GENERATOR,
        nodes.ITERATOR,
    }
)
_BODY_OF = {nodes.MAPPING: 3, nodes.TABLE: 2}
"""Where the entries are in a node that has more than entries."""


class MustRebuild(Exception):
    """A unit became something else than it was; nothing is wrong with a graph built anew."""


class GraphBuild:
    """The objects of one graph by unit number: built at once, then brought to other states in place.

    Bringing it to another state keeps each object that is still there, so that only units that changed
    are read again. Some values can only be made anew; then so is what refers to them. `units` are those of
    the serving side and belong to the build.
    """

    def __init__(
        self,
        allow: AllowList,
        units: dict[int, Unit],
        trainer: Mapping[int, Unit],
        known_shapes: dict[bytes, Shape],
    ) -> None:
        self.objects: dict[int, Any] = {}
        self.shapes: dict[int, Shape] = {}
        self.units = units
        # Whether answering may have changed objects that no delta tells of.
        self.restless = False
        self._allow = allow
        self._trainer = trainer
        self._known_shapes = known_shapes
        self._reader = ValueReader(allow, self)
        self._to_fill: list[tuple[int, Any, Node, Shape | None]] = []
        self._last: list[Callable[[], None]] = []
        # Which unit is read at present, and what has to be known to read no others again: the units that
        # can only be made anew, those among them that show all entries they hold, by which units a number
        # is referred to where that may matter, the table that each row unit belongs to, and the units
        # that hash objects.
        self._reading = nodes.ROOT_UNIT
        self._leaves: set[int] = set()
        self._open_tables: set[int] = set()
        self._watchers: dict[int, set[int]] = {}
        self._table_of: dict[int, int] = {}
        self._hashing: set[int] = set()
        self.root = self.get(nodes.ROOT_UNIT)
        self._fill()
        self._fill_last()

    def update(self, delta: SideDelta) -> None:
        """Bring the objects to the state that `delta` leads to; what it raises leaves them in ruins.

        Raises `MustRebuild` where that takes a new build.
        """
        units = self.units
        stale = set(self._hashing)
        rows: dict[int, list[tuple[Unit, Unit]]] = {}
        for number, unit in delta.changed.items():
            before = units.get(number)
            if number in self.shapes and before != unit:
                raise MustRebuild
            if before is None:
                stale |= self._watchers.get(number, _NONE)
            if number in self._table_of and before is not None:
                rows.setdefault(self._table_of[number], []).append((before, unit))
            else:
                stale.add(number)
        for number in delta.dropped:
            stale |= self._watchers.pop(number, _NONE)
            self._forget(number)
        delta.apply_in_place(units)
        stale.update(table for table, changes in rows.items() if not self._are_set(table, changes))
        self._read_again(stale)

    # -- What the reader asks of the graph (value_reader.Objects)

    def get(self, number: int) -> Any:
        known = self.objects.get(number, _NOT_YET)
        if known is _NOT_YET:
            known = self._open(number, _unpack(self._payload(number)))
        if number in self._leaves:
            self._watchers.setdefault(number, set()).add(self._reading)
        return known

    def get_for_trainer(self, number: int) -> Any:
        if not self._trainer:
            self._watchers.setdefault(number, set()).add(self._reading)
            if number not in self.units:
                return None
        return self.get(number)

    def row_body(self, number: int) -> Node:
        node = _unpack(self._payload(number))
        if self._table_of.setdefault(number, self._reading) != self._reading:
            raise Malformed(f"unit {number} holds rows of another table")
        if node[0] != nodes.ROW_UNIT or len(node) != 2:
            raise Malformed(f"unit {number} holds no rows")
        return node[1]

    def finish_last(self, fill: Callable[[], None]) -> None:
        self._hashing.add(self._reading)
        self._last.append(fill)

    def row_tables(self) -> dict[int, RowTable]:
        """How the entries of those objects that are cut into rows are cut, by unit number."""
        tables: dict[int, RowTable] = {}
        for number, shared in self.objects.items():
            numbers = _row_numbers(_unpack(self._payload(number)))
            if numbers is not None:
                keys = iter(shared)
                tables[number] = RowTable([self._row_unit(number, keys) for number in numbers])
        return tables

    # -- The build

    def _row_unit(self, number: int, keys: Iterator[Any]) -> RowUnit:
        payload = self._payload(number)
        body = _unpack(payload)[1]
        count = len(body) if type(body) is dict else (len(body) - 1) // 2
        return RowUnit(number, list(islice(keys, count)), payload)

    def _payload(self, number: int) -> bytes:
        payload = self.units.get(number)
        if payload is None:
            payload = self._trainer.get(number)
        if payload is None:
            raise Malformed(f"unit {number} is referred to and is not there")
        return payload

    def _open(self, number: int, node: Node) -> Any:
        """The object of a unit met for the first time: complete, or to be filled when its turn comes."""
        kind = _kind(node)
        if kind in (nodes.OBJECT, nodes.EXTENDED):
            shape = self._shape_of(number, node)
            opened = shape.layout.new()
            self._to_fill.append((number, opened, node, shape))
        elif kind in _CONTAINERS:
            opened = self._reader.empty(node)
            self._to_fill.append((number, opened, node, None))
        elif kind in _LEAVES:
            opened = self._leaf(number, node)
        else:
            raise Malformed(f"unit {number} is of a kind that is no unit")
        self.objects[number] = opened
        return opened

    def _leaf(self, number: int, node: Node) -> Any:
        reading, self._reading = self._reading, number
        value = self._reader.value(node)
        self._reading = reading
        self._leaves.add(number)
        if node[0] == nodes.TABLE and node[4] is None:
            self._open_tables.add(number)
        return value

    def _shape_of(self, number: int, node: Node) -> Shape:
        shape = self._shape(node[1])
        if (shape.layout.content is None) != (node[0] == nodes.OBJECT):
            raise Malformed(f"unit {number} is not of the kind that its class is")
        return shape

    def _shape(self, number: int) -> Shape:
        shape = self.shapes.get(number)
        if shape is None:
            payload = self._payload(number)
            shape = self._known_shapes.get(payload)
            if shape is None:
                shape = self._known_shapes[payload] = _read_shape(self._allow, _unpack(payload))
            self.shapes[number] = shape
            self.restless = self.restless or shape.restless
        return shape

    def _fill(self) -> None:
        # A stack of our own, not recursion: however deep the graph, Python's stays flat. The last first, so
        # that few nodes wait: many at once would be much work for the garbage collector.
        while self._to_fill:
            self._reading, opened, node, shape = self._to_fill.pop()
            if shape is None:
                self._reader.fill(opened, node)
            elif node[0] == nodes.EXTENDED:
                self._reader.fill(opened, node[2])
                self._reader.set_attributes(opened, shape, node[3:])
            else:
                self._reader.set_attributes(opened, shape, node[2:])

    def _fill_last(self) -> None:
        for fill in self._last:
            fill()
        self._last.clear()

    # -- The update

    def _forget(self, number: int) -> None:
        self.objects.pop(number, None)
        self.shapes.pop(number, None)
        self._table_of.pop(number, None)
        self._leaves.discard(number)
        self._open_tables.discard(number)
        self._hashing.discard(number)

    def _are_set(self, number: int, changes: Iterable[tuple[Unit, Unit]]) -> bool:
        """Whether the changed rows of the table `number` could be set in it: none came, left or moved."""
        table: Any = self.objects.get(number)
        if number in self._leaves and number not in self._open_tables:
            return False
        bodies = [(_unpack(before)[1], _unpack(after)[1]) for before, after in changes]
        if not all(_have_same_keys(before, after) for before, after in bodies):
            return False
        if isinstance(table, dict):
            for _, body in bodies:
                put(table, body.items())
        else:
            for _, body in bodies:
                for key, value in body.items():
                    table[key] = value
        return True

    def _read_again(self, stale: Iterable[int]) -> None:
        seen: set[int] = set()
        leaves: list[int] = []
        others: list[int] = []
        stack = list(stale)
        while stack:
            number = stack.pop()
            if number in seen or number not in self.objects:
                continue
            seen.add(number)
            if number not in self._leaves:
                others.append(number)
            elif not self._is_set_in_place(self.objects[number], _unpack(self._payload(number))):
                # Whatever holds it has to take the new one; it is made when all others have been dropped.
                leaves.append(number)
                stack += self._watchers.pop(number, _NONE)
        for number in leaves:
            del self.objects[number]
            self._leaves.discard(number)
        for number in others:
            # One after the other: many nodes at once would be much work for Python's garbage collector.
            self._empty(number, self.objects[number], _unpack(self._payload(number)))
            self._fill()
        self._fill_last()

    def _empty(self, number: int, shared: Any, node: Node) -> None:
        """Make `shared` ready to be filled with what `node` holds."""
        kind = _kind(node)
        if kind in (nodes.OBJECT, nodes.EXTENDED):
            shape = self._shape_of(number, node)
            if type(shared) is not shape.layout.cls:
                raise MustRebuild
            shape.strip(shared)
            self._to_fill.append((number, shared, node, shape))
        elif kind in _CONTAINERS and type(shared) is type(self._reader.empty(node)):
            type(shared).clear(shared)
            self._to_fill.append((number, shared, node, None))
        else:
            raise MustRebuild

    def _is_set_in_place(self, shared: Any, node: Node) -> bool:
        """Whether `shared` could be given the value of `node` without being made anew."""
        match node:
            case [nodes.OPAQUE, name, version, [], state] if version == self._allow.opaque.get(name):
                if type(shared) is self._allow.types[name] and type(state) is bytes:
                    self._reader.set_opaque(shared, name, state)
                    return True
            case [nodes.ARRAY, *_] if type(shared) is np.ndarray:
                value = self._reader.value(node)
                if value.dtype == shared.dtype and value.shape == shared.shape:
                    shared[...] = value
                    same_order: bool = value.flags.f_contiguous == shared.flags.f_contiguous
                    return same_order
        return False


_NONE: frozenset[int] = frozenset()


def _have_same_keys(before: Node, after: Node) -> bool:
    """Whether both rows are plain, and have the same keys in the same order."""
    if type(before) is not dict or type(after) is not dict or before.keys() != after.keys():
        return False
    return list(before) == list(after) and nodes.ATOMS.issuperset(map(type, after.values()))


def _kind(node: Node) -> int:
    return nodes.PAIRS if type(node) is dict else node[0]


def _row_numbers(node: Node) -> list[int] | None:
    if type(node) is list and node[0] in _BODY_OF:
        node = node[_BODY_OF[node[0]]]
    return node[1:] if type(node) is list and node[0] == nodes.ROWS else None


def _read_shape(allow: AllowList, node: Node) -> Shape:
    kind, name, attributes = node
    layout = layout_of(allow.types[name])
    if kind != nodes.SHAPE or layout is None or name in allow.opaque or name in allow.tables:
        raise Malformed(f"{name} has no shape")
    slots = [layout.slots[attribute] for attribute in attributes if attribute in layout.slots]
    in_dict = attributes[: len(attributes) - len(slots)]
    if any(attribute in layout.slots or is_dunder(attribute) for attribute in in_dict):
        raise Malformed(f"{name} cannot have these attributes")
    if len(set(attributes)) != len(attributes) or (in_dict and layout.own is None):
        raise Malformed(f"{name} cannot have these attributes")
    restless = allow.is_restless(layout.cls)
    return Shape(layout, name, tuple(attributes), tuple(in_dict), tuple(slots), restless)
