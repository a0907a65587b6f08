"""Bringing an object graph to another state in place, at the cost of what differs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
import numpy as np

from riverrun.codec import nodes
from riverrun.codec.entries import plain_body, put
from riverrun.codec.graph_build import CONTAINERS, GraphBuild, kind_of, unpack
from riverrun.codec.nodes import ATOMS
from riverrun.core.steps import Steps
from riverrun.core.units import SideDelta, Unit

_parts = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_row = msgspec.msgpack.Decoder(tuple[int, dict[Any, msgspec.Raw]]).decode
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

    def applying(self, delta: SideDelta) -> Iterator[None]:
        """Bring the graph to the state that `delta` leads to, in steps; until the last it is in ruins.

        Raises `MustRebuild` where that takes a new build.
        """
        units, ties = self._graph.units, self._ties
        stale = set(ties.hashing)
        before: dict[int, tuple[Unit, Unit]] = {}
        rows: dict[int, list[tuple[Unit, Unit]]] = {}
        for number, unit in delta.changed.items():
            old = units.get(number)
            if old is None:
                stale |= ties.watchers(number)
            elif number in ties.table_of:
                rows.setdefault(ties.table_of[number], []).append((old, unit))
            elif number not in self._graph.shapes:
                before[number] = old, unit
            elif old != unit:
                raise MustRebuild
            yield
        for number in delta.dropped:
            stale |= ties.take_watchers(number)
            ties.forget(number)
            self._graph.objects.pop(number, None)
            self._graph.shapes.pop(number, None)
        delta.apply_in_place(units)
        yield
        for table, changes in rows.items():
            if not (yield from self._setting(table, changes)):
                stale.add(table)
        yield from self._reading_again(stale, before)

    def _reading_again(self, stale: Iterable[int], before: Mapping[int, tuple[Unit, Unit]]) -> Iterator[None]:
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
                yield from graph.filling()
        for number, (old, new) in before.items():
            if number in objects and number not in seen:
                if not self._is_set_in_part(number, old, new):
                    self._refill(number)
                yield from graph.filling()
                yield
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

    def _is_set_in_part(self, number: int, before: Unit, after: Unit) -> bool:
        """Whether `number` is an object that only had to be given the attributes that are not as `before`."""
        graph = self._graph
        shared = graph.objects[number]
        if isinstance(shared, list | dict | set | deque):
            return False
        old, new = _parts(before), _parts(after)
        if new[0] != _OBJECT or len(new) != len(old) or new[0] != old[0] or new[1] != old[1]:
            return False
        shape = graph.shapes[unpack(new[1])]
        for place in range(2, len(new)):
            part = new[place]
            if part != old[place]:
                node = unpack(part)
                shape.set(shared, place - 2, node if type(node) in ATOMS else graph.read(number, node))
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

    def _setting(self, number: int, changes: Iterable[tuple[Unit, Unit]]) -> Steps[bool]:
        """Set changed rows of the table `number`; false where any came, left or moved, or cannot be set."""
        table: Any = self._graph.objects.get(number)
        if number in self._ties.leaves and number not in self._ties.open_tables:
            return False
        changed: dict[Any, Any] = {}
        for old, new in changes:
            entries = _changed_entries(old, new)
            if entries is None:
                return False
            changed.update(entries)
            yield
        if isinstance(table, dict):
            put(table, changed.items())
        else:
            for key, value in changed.items():
                table[key] = value
        return True


def _changed_entries(before: Unit, after: Unit) -> Mapping[Any, Any] | None:
    """The entries of a row that are not as `before`; None unless the keys are, and the values are plain."""
    try:
        _, old = _row(before)
        _, new = _row(after)
    except msgspec.ValidationError:
        # Rounded numbers lie together in one piece.
        old, new = plain_body(unpack(before)[1]), plain_body(unpack(after)[1])
        if type(old) is not dict or type(new) is not dict:
            return None
        changed = new
    else:
        # Nearly all entries of a row are as they were; to set them all the same would take most of the time.
        changed = {
            key: unpack(part)
            for (key, part), other in zip(new.items(), old.values(), strict=False)
            if part != other
        }
    if list(old) != list(new) or not ATOMS.issuperset(map(type, changed.values())):
        return None
    return changed
