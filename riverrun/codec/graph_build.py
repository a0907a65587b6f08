"""One object graph while it is built from units."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec

from riverrun.codec import nodes
from riverrun.codec.allow_list import AllowList
from riverrun.codec.class_layout import is_dunder, layout_of
from riverrun.codec.entries import row_numbers
from riverrun.codec.leaf_values import Node
from riverrun.codec.object_shape import Shape
from riverrun.codec.row_table import RowTable, RowUnit
from riverrun.codec.table_reader import TableReader
from riverrun.codec.unit_ties import UnitTies
from riverrun.codec.value_reader import Malformed, ValueReader
from riverrun.core.units import Unit

unpack = msgspec.msgpack.Decoder().decode

CONTAINERS = frozenset({nodes.LIST, nodes.PAIRS, nodes.ROWS, nodes.MAPPING, nodes.SET, nodes.DEQUE})
"""Kinds of units that are containers."""

_NOT_YET = object()
_LEAVES = frozenset(
    {
        nodes.ARRAY,
        nodes.BYTEARRAY,
        nodes.OPAQUE,
        nodes.RANDOM,
        nodes.RANDOM_STATE,
        nodes.BIT_GENERATOR,
        nodes.GENERATOR,
        nodes.ITERATOR,
    }
)


class GraphBuild:
    """The objects of one graph by unit number, as a `GraphUpdate` may bring them to other states.

    `units` are those of the serving side and belong to the build; `ties` is what an update goes by. Before
    `fill` and `fill_last` there is no more than the root, which is empty.
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
        self.ties = UnitTies()
        # Whether answering may have changed objects that no delta tells of.
        self.restless = False
        self.allow = allow
        self.reader = ValueReader(allow, self)
        self._tables = TableReader(allow, self, self.reader)
        self._trainer = trainer
        self._known_shapes = known_shapes
        self._to_fill: list[tuple[int, Any, Node, Shape | None]] = []
        self._last: list[Callable[[], None]] = []
        self._reading = nodes.ROOT_UNIT
        self.root = self.get(nodes.ROOT_UNIT)

    def row_tables(self) -> dict[int, RowTable]:
        """How the entries of those objects that are cut into rows are cut, by unit number."""
        tables: dict[int, RowTable] = {}
        for number, shared in self.objects.items():
            numbers = row_numbers(unpack(self.payload(number)))
            if numbers is not None:
                keys = iter(shared)
                tables[number] = RowTable([self._row_unit(number, keys) for number in numbers])
        return tables

    # -- What the reader asks of the graph (value_reader.Objects)

    def get(self, number: int) -> Any:
        known = self.objects.get(number, _NOT_YET)
        if known is _NOT_YET:
            known = self._open(number, unpack(self.payload(number)))
        if number in self.ties.leaves:
            self.ties.watch(number, self._reading)
        return known

    def get_for_trainer(self, number: int) -> Any:
        if not self._trainer:
            self.ties.watch(number, self._reading)
            if number not in self.units:
                return None
        return self.get(number)

    def row_body(self, number: int) -> Node:
        node = unpack(self.payload(number))
        if self.ties.table_of.setdefault(number, self._reading) != self._reading:
            raise Malformed(f"unit {number} holds rows of another table")
        if node[0] != nodes.ROW_UNIT or len(node) != 2:
            raise Malformed(f"unit {number} holds no rows")
        return node[1]

    def finish_last(self, fill: Callable[[], None]) -> None:
        self.ties.hashing.add(self._reading)
        self._last.append(fill)

    # -- The build, and what an update does again

    def payload(self, number: int) -> Unit:
        """The payload of unit `number`, on whichever side it is. Raises `Malformed` where it is on none."""
        payload = self.units.get(number)
        if payload is None:
            payload = self._trainer.get(number)
        if payload is None:
            raise Malformed(f"unit {number} is referred to and is not there")
        return payload

    def shape_of(self, number: int, node: Node) -> Shape:
        """The shape of the object that is unit `number`."""
        shape = self._shape(node[1])
        if (shape.layout.content is None) != (node[0] == nodes.OBJECT):
            raise Malformed(f"unit {number} is not of the kind that its class is")
        return shape

    def read(self, number: int, node: Node) -> Any:
        """The value of `node`, a part of unit `number`; objects opened for it wait for `fill`."""
        self._reading = number
        return self.reader.value(node)

    def fill_later(self, number: int, opened: Any, node: Node, shape: Shape | None) -> None:
        """Have `fill` give `opened`, which has nothing yet, what `node` holds."""
        self._to_fill.append((number, opened, node, shape))

    def fill(self) -> None:
        """Fill what waits for it, and what opens meanwhile."""
        if self._to_fill:
            deque(self.filling(), maxlen=0)

    def filling(self) -> Iterator[None]:
        """`fill` in steps of one object each, or one row of a table."""
        # A stack of our own, not recursion: however deep the graph, Python's stays flat. The last first, so
        # that few nodes wait: many at once would be much work for the garbage collector.
        while self._to_fill:
            self._reading, opened, node, shape = self._to_fill.pop()
            if shape is None:
                if kind_of(node) == nodes.TABLE:
                    yield from self._tables.filling_table(opened, node)
                else:
                    yield from self._tables.filling(opened, node)
            elif node[0] == nodes.EXTENDED:
                yield from self._tables.filling(opened, node[2])
                self.reader.set_attributes(opened, shape, node[3:])
            else:
                self.reader.set_attributes(opened, shape, node[2:])
            yield

    def fill_last(self) -> None:
        """Fill what hashes objects, once all of them have their state."""
        for fill in self._last:
            fill()
        self._last.clear()

    def _open(self, number: int, node: Node) -> Any:
        """The object of a unit met for the first time: complete, or to be filled when its turn comes."""
        kind = kind_of(node)
        if kind in (nodes.OBJECT, nodes.EXTENDED):
            shape = self.shape_of(number, node)
            opened = shape.layout.new()
            self.fill_later(number, opened, node, shape)
        elif kind in CONTAINERS:
            opened = self.reader.empty(node)
            self.fill_later(number, opened, node, None)
        elif kind in _LEAVES:
            opened = self._leaf(number, node)
        elif kind == nodes.TABLE:
            opened = self._table(number, node)
        else:
            raise Malformed(f"unit {number} is of a kind that is no unit")
        self.objects[number] = opened
        return opened

    def _leaf(self, number: int, node: Node) -> Any:
        reading = self._reading
        value = self.read(number, node)
        self._reading = reading
        self.ties.leaves.add(number)
        return value

    def _table(self, number: int, node: Node) -> Any:
        reading, self._reading = self._reading, number
        table, entries = self._tables.table(node)
        self._reading = reading
        self.fill_later(number, entries, node, None)
        self.ties.leaves.add(number)
        if node[4] is None:
            self.ties.open_tables.add(number)
        return table

    def _row_unit(self, number: int, keys: Iterator[Any]) -> RowUnit:
        payload = self.payload(number)
        body = unpack(payload)[1]
        count = len(body) if type(body) is dict else (len(body) - 1) // 2
        return RowUnit(number, list(islice(keys, count)), payload)

    def _shape(self, number: int) -> Shape:
        shape = self.shapes.get(number)
        if shape is None:
            payload = self.payload(number)
            shape = self._known_shapes.get(payload)
            if shape is None:
                shape = self._known_shapes[payload] = _read_shape(self.allow, unpack(payload))
            self.shapes[number] = shape
            self.restless = self.restless or shape.restless
        return shape


def kind_of(node: Node) -> int:
    """The kind of a unit's node."""
    return nodes.PAIRS if type(node) is dict else node[0]


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
