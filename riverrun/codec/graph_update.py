"""Bringing an object graph to another state in place, at the cost of what differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np

from riverrun.codec import nodes
from riverrun.codec.graph_build import CONTAINERS, GraphBuild, kind_of, unpack
from riverrun.codec.leaf_values import Node
from riverrun.codec.value_reader import plain_body, put
from riverrun.core.units import SideDelta, Unit

_parts = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_OBJECT = msgspec.Raw(bytes([nodes.OBJECT]))


class MustRebuild(Exception):
    """A unit became something else than it was; nothing is wrong with a graph built anew."""


class GraphUpdate:
    """Brings `graph` to other states. Each object that is still there stays the one it is.

    So only units that changed are read again, and of objects only the attributes that did. Some values can
    only be made anew; then so is what refers to them.
    """

    __slots__ = ("_graph", "_ties")

    def __init__(self, graph: GraphBuild) -> None:
        self._graph = graph
        self._ties = graph.ties

    def apply(self, delta: SideDelta) -> None:
        """Bring the graph to the state that `delta` leads to; what this raises leaves it in ruins.

        Raises `MustRebuild` where that takes a new build.
        """
        units, ties = self._graph.units, self._ties
        stale = set(ties.hashing)
        before: dict[int, Unit] = {}
        rows: dict[int, list[tuple[Unit, Unit]]] = {}
        for number, unit in delta.changed.items():
            old = units.get(number)
            if old is None:
                stale |= ties.watchers(number)
            elif number in ties.table_of:
                rows.setdefault(ties.table_of[number], []).append((old, unit))
            elif number not in self._graph.shapes:
                before[number] = old
            elif old != unit:
                raise MustRebuild
        for number in delta.dropped:
            stale |= ties.take_watchers(number)
            ties.forget(number)
            self._graph.objects.pop(number, None)
            self._graph.shapes.pop(number, None)
        delta.apply_in_place(units)
        stale.update(table for table, changes in rows.items() if not self._are_set(table, changes))
        self._read_again(stale, before)

    def _read_again(self, stale: Iterable[int], before: Mapping[int, Unit]) -> None:
        """Read `stale` units wholly; of those in `before` what is not as it was."""
        graph, ties, objects = self._graph, self._ties, self._graph.objects
        seen: set[int] = set()
        anew: list[int] = []
        stack = [*stale, *ties.leaves.intersection(before)]
        while stack:
            number = stack.pop()
            if number in seen or number not in objects:
                continue
            seen.add(number)
            if number in ties.leaves and not self._is_set_in_place(number):
                # Whatever holds it has to take the new one; it is made when all others have been dropped.
                anew.append(number)
                stack += ties.take_watchers(number)
        for number in anew:
            del objects[number]
            ties.leaves.discard(number)
        # One after the other: many nodes at once would be much work for Python's garbage collector.
        for number in seen:
            if number in objects and number not in ties.leaves:
                self._refill(number)
        for number, old in before.items():
            if number in objects and number not in seen and not self._is_set_in_part(number, old):
                self._refill(number)
        graph.fill_last()

    def _refill(self, number: int) -> None:
        """Read the whole of the unit `number` into the object that it is."""
        graph = self._graph
        shared, node = graph.objects[number], unpack(graph.payload(number))
        kind = kind_of(node)
        if kind in (nodes.OBJECT, nodes.EXTENDED):
            shape = graph.shape_of(number, node)
            if type(shared) is not shape.layout.cls:
                raise MustRebuild
            shape.strip(shared)
            graph.fill_later(number, shared, node, shape)
        elif kind in CONTAINERS and type(shared) is type(graph.reader.empty(node)):
            type(shared).clear(shared)
            graph.fill_later(number, shared, node, None)
        else:
            raise MustRebuild
        graph.fill()

    def _is_set_in_part(self, number: int, before: Unit) -> bool:
        """Whether `number` is an object that only had to be given the attributes that are not as `before`."""
        graph = self._graph
        try:
            old, new = _parts(before), _parts(graph.payload(number))
        except msgspec.ValidationError:
            return False
        if new[0] != _OBJECT or new[:2] != old[:2] or len(new) != len(old):
            return False
        shape, shared = graph.shapes[unpack(new[1])], graph.objects[number]
        for place, (part, other) in enumerate(zip(new, old, strict=True)):
            if part != other:
                shape.set(shared, place - 2, graph.read(number, unpack(part)))
        graph.fill()
        return True

    def _is_set_in_place(self, number: int) -> bool:
        """Whether a leaf could be given the value that its unit now has."""
        graph = self._graph
        shared, node = graph.objects[number], unpack(graph.payload(number))
        match node:
            case [nodes.OPAQUE, name, version, [], state] if version == graph.allow.opaque.get(name):
                if type(shared) is graph.allow.types[name] and type(state) is bytes:
                    graph.reader.set_opaque(shared, name, state)
                    return True
            case [nodes.ARRAY, *_] if type(shared) is np.ndarray:
                value = graph.reader.value(node)
                if value.dtype == shared.dtype and value.shape == shared.shape:
                    shared[...] = value
                    same_order: bool = value.flags.f_contiguous == shared.flags.f_contiguous
                    return same_order
        return False

    def _are_set(self, number: int, changes: Iterable[tuple[Unit, Unit]]) -> bool:
        """Whether the changed rows of the table `number` could be set in it: none came, left or moved."""
        table: Any = self._graph.objects.get(number)
        if number in self._ties.leaves and number not in self._ties.open_tables:
            return False
        bodies = [(plain_body(unpack(old)[1]), plain_body(unpack(new)[1])) for old, new in changes]
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


def _have_same_keys(before: Node, after: Node) -> bool:
    """Whether both rows are plain, and have the same keys in the same order."""
    if type(before) is not dict or type(after) is not dict or before.keys() != after.keys():
        return False
    return list(before) == list(after) and nodes.ATOMS.issuperset(map(type, after.values()))
