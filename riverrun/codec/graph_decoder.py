"""Units as an object graph again, by the allow-list alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import msgspec

from riverrun.codec import nodes
from riverrun.codec.allow_list import AllowList
from riverrun.codec.class_layout import is_dunder, layout_of
from riverrun.codec.graph_encoder import GraphEncoder
from riverrun.codec.leaf_values import Node
from riverrun.codec.row_table import RowTable, RowUnit
from riverrun.codec.touch_marks import TouchMarks
from riverrun.codec.value_reader import Malformed, Shape, ValueReader
from riverrun.core.errors import InvalidInput, RiverrunError
from riverrun.core.units import State

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

MAX_SHAPES = 4096
"""Shapes that a decoder remembers at most, so that hostile states cannot fill its memory."""


class GraphDecoder:
    """Rebuilds object graphs from states; calls nothing that a state names. May be used again and again.

    A decoder remembers the shapes of the classes it has seen, so keep one for the states of one model.
    """

    def __init__(self, allow: AllowList) -> None:
        self._allow = allow
        self._shapes: dict[bytes, Shape] = {}

    def decode(self, state: State) -> Any:
        """The root object of `state`. Without the trainer's side, what only that side holds is None.

        Raises `InvalidInput` for anything that no encoder writes or that the allow-list does not name.
        """
        return self._build(state).root

    def restore(self, state: State, marks: TouchMarks | None = None) -> tuple[Any, GraphEncoder]:
        """The root object of a whole `state`, and the encoder that goes on from it with its numbers.

        From then on `marks` tell the encoder what needs no look.

        Raises as `decode` does.
        """
        build = self._build(state)
        return build.root, GraphEncoder.restored(
            self._allow,
            state,
            build.objects,
            {number: (shape.class_name, shape.attributes) for number, shape in build.shapes.items()},
            build.row_tables(),
            marks,
        )

    def _build(self, state: State) -> _Build:
        if len(self._shapes) > MAX_SHAPES:
            self._shapes.clear()
        try:
            return _Build(self._allow, state, self._shapes)
        except RiverrunError:
            raise
        except Exception as error:
            # Hostile bytes can make numpy, msgspec or a type's constructor raise anything at all.
            detail = str(error) if isinstance(error, Malformed) else type(error).__name__
            raise InvalidInput("state", f"not a state that this allow-list can decode ({detail})") from error


class _Build:
    """One graph while it is rebuilt: its objects, shapes and tables by unit number."""

    def __init__(self, allow: AllowList, state: State, known_shapes: dict[bytes, Shape]) -> None:
        self.objects: dict[int, Any] = {}
        self.shapes: dict[int, Shape] = {}
        self._allow = allow
        self._serving = state.serving
        self._trainer = state.trainer
        self._known_shapes = known_shapes
        self._reader = ValueReader(allow, self)
        self._to_fill: deque[tuple[Any, Node, Shape | None]] = deque()
        self._last: list[Callable[[], None]] = []
        self._rows_taken: set[int] = set()
        self.root = self.get(nodes.ROOT_UNIT)
        self._fill_all()

    # -- What the reader asks of the graph (value_reader.Objects)

    def get(self, number: int) -> Any:
        known = self.objects.get(number, _NOT_YET)
        return self._open(number, _unpack(self._payload(number))) if known is _NOT_YET else known

    def get_for_trainer(self, number: int) -> Any:
        if not self._trainer and number not in self._serving:
            return None
        return self.get(number)

    def row_body(self, number: int) -> Node:
        node = _unpack(self._payload(number))
        if number in self._rows_taken or node[0] != nodes.ROW_UNIT or len(node) != 2:
            raise Malformed(f"unit {number} holds no rows of this table")
        self._rows_taken.add(number)
        return node[1]

    def finish_last(self, fill: Callable[[], None]) -> None:
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
        payload = self._serving.get(number)
        if payload is None:
            payload = self._trainer.get(number)
        if payload is None:
            raise Malformed(f"unit {number} is referred to and is not there")
        return payload

    def _open(self, number: int, node: Node) -> Any:
        """The object of a unit met for the first time: complete, or to be filled when its turn comes."""
        kind = nodes.PAIRS if type(node) is dict else node[0]
        if kind in (nodes.OBJECT, nodes.EXTENDED):
            shape = self._shape(node[1])
            if (shape.layout.content is None) != (kind == nodes.OBJECT):
                raise Malformed(f"unit {number} is not of the kind that its class is")
            opened = shape.layout.new()
            self._to_fill.append((opened, node, shape))
        elif kind in _CONTAINERS:
            opened = self._reader.empty(node)
            self._to_fill.append((opened, node, None))
        elif kind in _LEAVES:
            opened = self._reader.value(node)
        else:
            raise Malformed(f"unit {number} is of a kind that is no unit")
        self.objects[number] = opened
        return opened

    def _shape(self, number: int) -> Shape:
        shape = self.shapes.get(number)
        if shape is None:
            payload = self._payload(number)
            shape = self._known_shapes.get(payload)
            if shape is None:
                shape = self._known_shapes[payload] = _read_shape(self._allow, _unpack(payload))
            self.shapes[number] = shape
        return shape

    def _fill_all(self) -> None:
        # A queue, not recursion: however deep the graph, the stack stays flat.
        while self._to_fill:
            opened, node, shape = self._to_fill.popleft()
            if shape is None:
                self._reader.fill(opened, node)
            elif node[0] == nodes.EXTENDED:
                self._reader.fill(opened, node[2])
                self._reader.set_attributes(opened, shape, node[3:])
            else:
                self._reader.set_attributes(opened, shape, node[2:])
        for fill in self._last:
            fill()


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
    if len(set(attributes)) != len(attributes) or (in_dict and not layout.has_dict):
        raise Malformed(f"{name} cannot have these attributes")
    return Shape(layout, name, tuple(attributes), tuple(in_dict), tuple(slots))
