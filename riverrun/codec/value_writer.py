"""Python values as nodes: everything that lies inside one unit.

Immutable values are always written where they are met. Mutable containers are written where they are
met first; one that is met a second time, is large, or lies deep becomes a unit, so that shared
references and cycles come back as they were and no recursion is deep. Objects are always units.
"""

from __future__ import annotations

import copy
import datetime as dt
import enum
import functools
import operator
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, MethodType
from typing import Any

import msgspec
import numpy as np

from riverrun.codec import leaf_values, nodes
from riverrun.codec.allow_list import AllowList
from riverrun.codec.class_layout import find_method
from riverrun.codec.entries import are_plain_keys
from riverrun.codec.leaf_values import Node, Writer, leaf_writer
from riverrun.codec.nodes import ATOMS
from riverrun.codec.object_writer import ObjectWriter
from riverrun.codec.unit_table import MAX_INLINE_ENTRIES, UnitTable
from riverrun.codec.unwritable import Unwritable, type_name

MAX_INLINE_DEPTH = 8
"""Containers nested deeper than this become units of their own."""

MAX_VALUE_DEPTH = 32
"""Immutable values nested deeper than this are refused."""


class ValueWriter:
    """Writes values as nodes."""

    def __init__(
        self, allow: AllowList, units: UnitTable, settled: Mapping[type[Any], str] | None = None
    ) -> None:
        self._careful = False
        self._allow = allow
        self._units = units
        self._inline: dict[type[Any], Writer] = {
            tuple: lambda v, depth: [nodes.TUPLE, *self.values(v, depth)],
            frozenset: self._frozenset,
            functools.partial: self._partial,
            MethodType: self._method,
            FunctionType: self._function,
            BuiltinFunctionType: self._function,
            MethodDescriptorType: self._function,
            operator.itemgetter: lambda v, depth: [
                nodes.ITEM_GETTER,
                *self.values(v.__reduce__()[1], depth),
            ],
            range: lambda v, depth: [nodes.RANGE, *self.values((v.start, v.stop, v.step), depth)],
            complex: leaf_writer(leaf_values.write_complex),
            dt.date: leaf_writer(leaf_values.write_date),
            dt.datetime: leaf_writer(leaf_values.write_datetime),
            dt.timedelta: leaf_writer(leaf_values.write_timedelta),
        }
        self._containers: dict[type[Any], Writer] = {
            dict: self.entries,
            list: lambda v, depth: [nodes.LIST, *self.values(v, depth)],
            set: self.members,
            deque: lambda v, depth: [nodes.DEQUE, v.maxlen, *self.values(v, depth)],
            OrderedDict: self._mapping,
            Counter: self._mapping,
            defaultdict: self._mapping,
            np.ndarray: leaf_writer(leaf_values.write_array),
            bytearray: leaf_writer(leaf_values.write_bytearray),
        }
        self._objects = ObjectWriter(self, allow, units, {} if settled is None else settled)
        self._object_writers = self._objects.known

    def unit(self, shared: Any) -> Node:
        """The payload of the unit that `shared` is. Raises `Unwritable`."""
        cls = type(shared)
        write = self._object_writers.get(cls) or self._containers.get(cls) or self._objects.meet(cls, shared)
        return write(shared, 1)

    def careful_unit(self, shared: Any) -> Node:
        """The same, with integers beyond 64 bits and malformed text, which MessagePack cannot say."""
        self._careful = True
        try:
            return self.unit(shared)
        finally:
            self._careful = False

    def value(self, value: Any, depth: int) -> Node:
        """The node that stands for `value` inside a unit. Raises `Unwritable`."""
        cls = type(value)
        if cls in ATOMS:
            return leaf_values.write_atom(value) if self._careful else value
        units = self._units
        number = units.numbers.get(id(value))
        if number is not None:
            units.refs.append(number)
            return [nodes.REF, number]
        container = self._containers.get(cls)
        if container is not None:
            return self._shared(value, container, depth)
        if cls in self._object_writers:
            return [nodes.REF, self._units.adopt(value)]
        inline = self._inline.get(cls) or self._inline_writer(cls, value)
        if inline is None:
            return [nodes.REF, self._units.adopt(value)]
        if depth > MAX_VALUE_DEPTH:
            raise Unwritable(value, f"values nested deeper than {MAX_VALUE_DEPTH} levels cannot be stored")
        return inline(value, depth + 1)

    def values(self, values: Collection[Any], depth: int) -> Iterable[Node]:
        """The nodes of `values`, in their order. Raises `Unwritable`, as all of these do."""
        write = self.value
        if self._careful:
            return [write(value, depth) for value in values]
        if ATOMS.issuperset(map(type, values)):
            return values
        return [value if type(value) in ATOMS else write(value, depth) for value in values]

    def members(self, members: set[Any], depth: int) -> Node:
        """The node of a set, which is filled anew, as a reader will fill its own."""
        # The order in which a set iterates depends on how it came about, and models let that order reach
        # their answers (ties, and the last bit of a sum).
        values = list(members)
        written = sorted(
            zip(self.values(values, depth), values, strict=True), key=lambda pair: _encoded(pair[0])
        )
        set.clear(members)
        set.update(members, [value for _, value in written])
        return [nodes.SET, *[node for node, _ in written]]

    def entries(self, entries: dict[Any, Any], depth: int) -> Node:
        """The entries of a dict or a table, cut into rows where they are many."""
        numbers = self._units.rows(entries, self.row_unit) if depth == 1 else None
        return self.body(entries, depth) if numbers is None else [nodes.ROWS, *numbers]

    def row_unit(self, entries: dict[Any, Any]) -> Node:
        """The payload of a unit that holds `entries` of a table."""
        return [nodes.ROW_UNIT, self.body(entries, 2)]

    def body(self, entries: dict[Any, Any], depth: int) -> Node:
        """The entries of a dict, in one piece."""
        if not self._careful and (ATOMS.issuperset(map(type, entries)) or are_plain_keys(entries)):
            if ATOMS.issuperset(map(type, entries.values())):
                return entries
            return dict(zip(entries, self.values(entries.values(), depth), strict=True))
        pairs: list[Node] = [nodes.PAIRS]
        for key, value in entries.items():
            pairs += (self.value(key, depth), self.value(value, depth))
        return pairs

    def argument(self, argument: Any) -> Node:
        """The node of what `__reduce__` gave: containers in it are copies, never shared; objects are not."""
        write = self._containers.get(type(argument))
        return self.value(argument, 2) if write is None else write(argument, 2)

    def is_unit(self, value: Any) -> bool:
        """Whether `value` may be a unit of its own."""
        cls = type(value)
        if cls in ATOMS or cls in self._inline:
            return False
        met = cls in self._object_writers or cls in self._containers
        return met or self._inline_writer(cls, value) is None

    def _shared(self, container: Any, write: Writer, depth: int) -> Node:
        size = container.size if type(container) is np.ndarray else len(container)
        if self._units.claim(container) and size <= MAX_INLINE_ENTRIES and depth <= MAX_INLINE_DEPTH:
            return write(container, depth + 1)
        return [nodes.REF, self._units.adopt(container)]

    def _frozenset(self, values: frozenset[Any], depth: int) -> Node:
        written = sorted(self.values(values, depth), key=_encoded)
        if any(map(_refers, written)):
            # It is built at once, when the objects that it has to hash may not have their state yet.
            raise Unwritable(values, "a frozenset that holds objects cannot be stored")
        return [nodes.FROZENSET, *written]

    def _mapping(self, entries: Any, depth: int) -> Node:
        factory = self.value(getattr(entries, "default_factory", None), depth)
        # As a plain dict: MessagePack would ask a subclass for its items in Python.
        return [nodes.MAPPING, type(entries).__name__, factory, self.entries(dict(entries), depth)]

    def _partial(self, partial: functools.partial[Any], depth: int) -> Node:
        if partial.func is copy.deepcopy:
            if len(partial.args) != 1 or partial.keywords:
                raise Unwritable(partial, "deepcopy can be bound to the one object that it copies only")
            return [nodes.COPIER, self.value(partial.args[0], depth)]
        keywords = {name: self.value(value, depth) for name, value in partial.keywords.items()}
        return [nodes.PARTIAL, self.value(partial.func, depth), keywords, *self.values(partial.args, depth)]

    def _method(self, method: MethodType, depth: int) -> Node:
        name = method.__func__.__name__
        if find_method(method.__self__, name) is not method.__func__:
            raise Unwritable(method, f"the bound method {name!r} is not one that its object's class defines")
        return [nodes.METHOD, self.value(method.__self__, depth), name]

    def _function(self, function: Callable[..., Any], _: int) -> Node:
        name = self._allow.name_of_function(function)
        if name is None:
            kind = "a lambda or closure" if "<" in function.__qualname__ else "a function off the allow-list"
            raise Unwritable(
                function, f"{kind} cannot be stored: {function.__module__}.{function.__qualname__}"
            )
        return [nodes.FUNCTION, name]

    def _inline_writer(self, cls: type[Any], value: Any) -> Writer | None:
        """The writer of a class met for the first time; None where its instances are units."""
        if issubclass(cls, type):
            write: Writer = lambda v, _: [nodes.TYPE, type_name(self._allow, v, v)]  # noqa: E731
        elif issubclass(cls, np.generic):
            write = leaf_writer(leaf_values.write_numpy_scalar)
        elif issubclass(cls, enum.Enum):
            write = functools.partial(self._enum, type_name(self._allow, cls, value))
        elif issubclass(cls, tuple):
            write = functools.partial(self._named_tuple, type_name(self._allow, cls, value))
        elif issubclass(cls, int | float | str | bytes) and cls.__dictoffset__ == 0:
            write = functools.partial(self._subvalue, type_name(self._allow, cls, value))
        else:
            return None
        self._inline[cls] = write
        return write

    def _enum(self, name: str, member: enum.Enum, _: int) -> Node:
        return [nodes.ENUM, name, member.name]

    def _named_tuple(self, name: str, values: tuple[Any, ...], depth: int) -> Node:
        if getattr(values, "__dict__", None):
            raise Unwritable(values, f"a {name} with attributes of its own cannot be stored")
        return [nodes.NAMED_TUPLE, name, *self.values(tuple(values), depth)]

    def _subvalue(self, name: str, value: Any, depth: int) -> Node:
        base = next(base for base in type(value).__mro__ if base in ATOMS)
        return [nodes.SUBVALUE, name, self.value(base.__getnewargs__(value)[0], depth)]  # type: ignore[attr-defined]


_encoded = msgspec.msgpack.Encoder().encode


def _refers(node: Node) -> bool:
    return type(node) is list and (node[0] == nodes.REF or any(map(_refers, node)))
