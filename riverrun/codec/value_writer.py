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
import random
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, MethodType
from typing import Any

import msgspec
import numpy as np

from riverrun.codec import leaf_values, nodes
from riverrun.codec.allow_list import AllowList, qualified_name
from riverrun.codec.class_layout import find_method, is_dunder, layout_of
from riverrun.codec.entries import are_plain_keys
from riverrun.codec.leaf_values import MAX_OPAQUE_ARGUMENT, Node
from riverrun.codec.nodes import ATOMS
from riverrun.codec.unit_table import MAX_INLINE_ENTRIES, UnitTable

MAX_INLINE_DEPTH = 8
"""Containers nested deeper than this become units of their own."""

MAX_VALUE_DEPTH = 32
"""Immutable values nested deeper than this are refused."""

Writer = Callable[[Any, int], Node]
"""Writes one value found at a depth."""

_Layout = tuple[Callable[[Any], dict[str, Any]], type[Any] | None, str, frozenset[str], str | None]
"""Of a class: how attributes are read, its content, its name, the trainer's attributes, the settled one."""


class Refused(Exception):
    """`culprit` cannot be written, for the reason `why`; who catches this looks up its path."""

    def __init__(self, culprit: object, why: str) -> None:
        super().__init__(why)
        self.culprit = culprit
        self.why = why


class ValueWriter:
    """Writes values as nodes."""

    def __init__(
        self, allow: AllowList, units: UnitTable, settled: Mapping[type[Any], str] | None = None
    ) -> None:
        self._careful = False
        self._settled = {} if settled is None else settled
        self._allow = allow
        self._units = units
        self._layouts: dict[type[Any], _Layout] = {}
        self._inline: dict[type[Any], Writer] = {
            tuple: lambda v, depth: [nodes.TUPLE, *self._values(v, depth)],
            frozenset: self._frozenset,
            functools.partial: self._partial,
            MethodType: self._method,
            FunctionType: self._function,
            BuiltinFunctionType: self._function,
            MethodDescriptorType: self._function,
            operator.itemgetter: lambda v, depth: [
                nodes.ITEM_GETTER,
                *self._values(v.__reduce__()[1], depth),
            ],
            range: lambda v, depth: [nodes.RANGE, *self._values((v.start, v.stop, v.step), depth)],
            complex: _leaf(leaf_values.write_complex),
            dt.date: _leaf(leaf_values.write_date),
            dt.datetime: _leaf(leaf_values.write_datetime),
            dt.timedelta: _leaf(leaf_values.write_timedelta),
        }
        self._containers: dict[type[Any], Writer] = {
            dict: self._entries,
            list: lambda v, depth: [nodes.LIST, *self._values(v, depth)],
            set: self._set,
            deque: lambda v, depth: [nodes.DEQUE, v.maxlen, *self._values(v, depth)],
            OrderedDict: self._mapping,
            Counter: self._mapping,
            defaultdict: self._mapping,
            np.ndarray: _leaf(leaf_values.write_array),
            bytearray: _leaf(leaf_values.write_bytearray),
        }
        self._objects: dict[type[Any], Writer] = {
            random.Random: _leaf(leaf_values.write_random),
            np.random.RandomState: _leaf(leaf_values.write_random_state),
            type(iter([])): self._iterator,
            np.random.Generator: lambda v, depth: [nodes.GENERATOR, self.value(v.bit_generator, depth)],
        }

    def unit(self, shared: Any) -> Node:
        """The payload of the unit that `shared` is. Raises `Refused`."""
        cls = type(shared)
        write = self._objects.get(cls) or self._containers.get(cls) or self._object_writer(cls, shared)
        return write(shared, 1)

    def careful_unit(self, shared: Any) -> Node:
        """The same, with integers beyond 64 bits and malformed text, which MessagePack cannot say."""
        self._careful = True
        try:
            return self.unit(shared)
        finally:
            self._careful = False

    def value(self, value: Any, depth: int) -> Node:
        """The node that stands for `value` inside a unit. Raises `Refused`."""
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
        if cls in self._objects:
            return [nodes.REF, self._units.adopt(value)]
        inline = self._inline.get(cls) or self._inline_writer(cls, value)
        if inline is None:
            return [nodes.REF, self._units.adopt(value)]
        if depth > MAX_VALUE_DEPTH:
            raise Refused(value, f"values nested deeper than {MAX_VALUE_DEPTH} levels cannot be stored")
        return inline(value, depth + 1)

    def _shared(self, container: Any, write: Writer, depth: int) -> Node:
        size = container.size if type(container) is np.ndarray else len(container)
        if self._units.claim(container) and size <= MAX_INLINE_ENTRIES and depth <= MAX_INLINE_DEPTH:
            return write(container, depth + 1)
        return [nodes.REF, self._units.adopt(container)]

    def _values(self, values: Collection[Any], depth: int) -> Iterable[Node]:
        write = self.value
        if self._careful:
            return [write(value, depth) for value in values]
        if ATOMS.issuperset(map(type, values)):
            return values
        return [value if type(value) in ATOMS else write(value, depth) for value in values]

    def _set(self, members: set[Any], depth: int) -> Node:
        # It is filled anew as a reader will fill its own: the order in which a set iterates depends on how
        # it came about, and models let that order reach their answers (ties, and the last bit of a sum).
        values = list(members)
        written = sorted(
            zip(self._values(values, depth), values, strict=True), key=lambda pair: _encoded(pair[0])
        )
        set.clear(members)
        set.update(members, [value for _, value in written])
        return [nodes.SET, *[node for node, _ in written]]

    def _frozenset(self, values: frozenset[Any], depth: int) -> Node:
        written = sorted(self._values(values, depth), key=_encoded)
        if any(map(_refers, written)):
            # It is built at once, when the objects that it has to hash may not have their state yet.
            raise Refused(values, "a frozenset that holds objects cannot be stored")
        return [nodes.FROZENSET, *written]

    def _entries(self, entries: dict[Any, Any], depth: int) -> Node:
        numbers = self._units.rows(entries, self.row_unit) if depth == 1 else None
        return self._body(entries, depth) if numbers is None else [nodes.ROWS, *numbers]

    def row_unit(self, entries: dict[Any, Any]) -> Node:
        """The payload of a unit that holds `entries` of a table."""
        return [nodes.ROW_UNIT, self._body(entries, 2)]

    def _body(self, entries: dict[Any, Any], depth: int) -> Node:
        if not self._careful and (ATOMS.issuperset(map(type, entries)) or are_plain_keys(entries)):
            if ATOMS.issuperset(map(type, entries.values())):
                return entries
            return dict(zip(entries, self._values(entries.values(), depth), strict=True))
        pairs: list[Node] = [nodes.PAIRS]
        for key, value in entries.items():
            pairs += (self.value(key, depth), self.value(value, depth))
        return pairs

    def _mapping(self, entries: Any, depth: int) -> Node:
        factory = self.value(getattr(entries, "default_factory", None), depth)
        # As a plain dict: MessagePack would ask a subclass for its items in Python.
        return [nodes.MAPPING, type(entries).__name__, factory, self._entries(dict(entries), depth)]

    def _partial(self, partial: functools.partial[Any], depth: int) -> Node:
        if partial.func is copy.deepcopy:
            if len(partial.args) != 1 or partial.keywords:
                raise Refused(partial, "deepcopy can be bound to the one object that it copies only")
            return [nodes.COPIER, self.value(partial.args[0], depth)]
        keywords = {name: self.value(value, depth) for name, value in partial.keywords.items()}
        return [nodes.PARTIAL, self.value(partial.func, depth), keywords, *self._values(partial.args, depth)]

    def _method(self, method: MethodType, depth: int) -> Node:
        name = method.__func__.__name__
        if find_method(method.__self__, name) is not method.__func__:
            raise Refused(method, f"the bound method {name!r} is not one that its object's class defines")
        return [nodes.METHOD, self.value(method.__self__, depth), name]

    def _function(self, function: Callable[..., Any], _: int) -> Node:
        name = self._allow.name_of_function(function)
        if name is None:
            kind = "a lambda or closure" if "<" in function.__qualname__ else "a function off the allow-list"
            raise Refused(function, f"{kind} cannot be stored: {function.__module__}.{function.__qualname__}")
        return [nodes.FUNCTION, name]

    def _type_name(self, cls: type[Any], culprit: object) -> str:
        name = self._allow.name_of_type(cls)
        if name is None:
            name = qualified_name(cls)
            why = self._allow.refused.get(name)
            refusal = f"cannot be stored: {why}" if why else "is not on the allow-list"
            raise Refused(culprit, f"{name} {refusal}")
        return name

    def _inline_writer(self, cls: type[Any], value: Any) -> Writer | None:
        """The writer of a class met for the first time; None where its instances are units."""
        if issubclass(cls, type):
            write: Writer = lambda v, _: [nodes.TYPE, self._type_name(v, v)]  # noqa: E731
        elif issubclass(cls, np.generic):
            write = _leaf(leaf_values.write_numpy_scalar)
        elif issubclass(cls, enum.Enum):
            write = functools.partial(self._enum, self._type_name(cls, value))
        elif issubclass(cls, tuple):
            write = functools.partial(self._named_tuple, self._type_name(cls, value))
        elif issubclass(cls, int | float | str | bytes) and cls.__dictoffset__ == 0:
            write = functools.partial(self._subvalue, self._type_name(cls, value))
        else:
            return None
        self._inline[cls] = write
        return write

    def _enum(self, name: str, member: enum.Enum, _: int) -> Node:
        return [nodes.ENUM, name, member.name]

    def _named_tuple(self, name: str, values: tuple[Any, ...], depth: int) -> Node:
        if getattr(values, "__dict__", None):
            raise Refused(values, f"a {name} with attributes of its own cannot be stored")
        return [nodes.NAMED_TUPLE, name, *self._values(tuple(values), depth)]

    def _subvalue(self, name: str, value: Any, depth: int) -> Node:
        base = next(base for base in type(value).__mro__ if base in ATOMS)
        return [nodes.SUBVALUE, name, self.value(base.__getnewargs__(value)[0], depth)]  # type: ignore[attr-defined]

    def _object_writer(self, cls: type[Any], instance: Any) -> Writer:
        """The writer of a class of objects met for the first time; refuses what data cannot rebuild."""
        if issubclass(cls, np.random.BitGenerator):
            write: Writer = _leaf(leaf_values.write_bit_generator)
        else:
            name = self._type_name(cls, instance)
            if name in self._allow.tables:
                write = functools.partial(self._table, name)
            elif name in self._allow.opaque:
                write = functools.partial(self._opaque, name)
            else:
                layout = layout_of(cls)
                if layout is None:
                    raise Refused(instance, f"the state of {name} cannot be read")
                settled = self._settled.get(cls)
                own = layout.own.read if layout.own is not None and not layout.slots else layout.attributes
                trainer_only = self._allow.trainer_only_attributes(cls)
                self._layouts[cls] = own, layout.content, name, trainer_only, settled
                write = self._object
        self._objects[cls] = write
        return write

    def _object(self, instance: Any, depth: int) -> Node:
        read, content, name, trainer_only, settled = self._layouts[type(instance)]
        attributes = read(instance)
        shape = name, tuple(attributes)
        number = self._units.known_shape(shape)
        if number is None:
            _check_names(attributes, instance)
            number = self._units.adopt_shape(shape)
        node = [nodes.OBJECT, number]
        if content is not None:
            node[0] = nodes.EXTENDED
            node.append(self._content(content, instance, depth))
        if trainer_only.isdisjoint(attributes):
            node += self._values(attributes.values(), depth)
        else:
            for attribute, value in attributes.items():
                write = self._for_trainer if attribute in trainer_only else self.value
                node.append(write(value, depth))
        if settled is not None:
            self._units.settle(attributes.get(settled))
        return node

    def _for_trainer(self, value: Any, depth: int) -> Node:
        cls = type(value)
        if cls in ATOMS or cls in self._inline or not self._is_unit(cls, value):
            return self.value(value, depth)
        return [nodes.TRAINER_REF, self._units.adopt_for_trainer(value)]

    def _is_unit(self, cls: type[Any], value: Any) -> bool:
        return cls in self._objects or cls in self._containers or self._inline_writer(cls, value) is None

    def _content(self, base: type[Any], instance: Any, depth: int) -> Node:
        if issubclass(base, dict):
            return self._body(dict(instance), depth)
        if base is set:
            return self._set(instance, depth)
        values = self._values(list(instance), depth)
        return [nodes.DEQUE, instance.maxlen, *values] if base is deque else [nodes.LIST, *values]

    def _table(self, name: str, table: Any, depth: int) -> Node:
        entries, *arguments = table.__reduce__()[1]
        return [nodes.TABLE, name, self._entries(entries, depth), *map(self._argument, arguments)]

    def _argument(self, argument: Any) -> Node:
        # Containers here are copies that __reduce__ made, never shared; objects are the real ones.
        write = self._containers.get(type(argument))
        return self.value(argument, 2) if write is None else write(argument, 2)

    def _iterator(self, iterator: Any, _: int) -> Node:
        # An exhausted iterator has let go of its list and stands at no place in it.
        _, (items, *_), *place = iterator.__reduce__()
        return [nodes.ITERATOR, self._argument(list(items)), place[0] if place else 0]

    def _opaque(self, name: str, instance: Any, _: int) -> Node:
        arguments = list(instance.__getnewargs__()) if hasattr(instance, "__getnewargs__") else []
        if any(type(argument) is int and abs(argument) > MAX_OPAQUE_ARGUMENT for argument in arguments):
            raise Refused(instance, f"a window of more than {MAX_OPAQUE_ARGUMENT} values cannot be stored")
        return [nodes.OPAQUE, name, self._allow.opaque[name], arguments, instance.__getstate__()]


_encoded = msgspec.msgpack.Encoder().encode


def _check_names(attributes: Iterable[str], instance: Any) -> None:
    for attribute in attributes:
        # Decoders refuse these names too: they would change what Python itself does with an object.
        if type(attribute) is not str or is_dunder(attribute):
            raise Refused(instance, f"an attribute called {attribute!r} cannot be stored")


def _refers(node: Node) -> bool:
    return type(node) is list and (node[0] == nodes.REF or any(map(_refers, node)))


def _leaf(write: Callable[[Any], Node]) -> Writer:
    def write_leaf(value: Any, _: int) -> Node:
        try:
            return write(value)
        except leaf_values.Unwritable as error:
            raise Refused(value, str(error)) from error

    return write_leaf
