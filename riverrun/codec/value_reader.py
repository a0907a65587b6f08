"""Nodes as Python values, by the allow-list alone.

Nothing that data names is called, except the constructors of the tables and opaque types that the
allow-list lists as such. Malformed nodes raise `Malformed` or whatever the types raise; `GraphDecoder`
makes one error of them all.
"""

from __future__ import annotations

import copy
import enum
import functools
import operator
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any, Protocol

import numpy as np

from riverrun.codec import nodes
from riverrun.codec.allow_list import AllowList
from riverrun.codec.class_layout import find_method
from riverrun.codec.entries import are_plain_keys, is_plain, put
from riverrun.codec.leaf_values import LEAF_READERS, MAX_OPAQUE_ARGUMENT, Node
from riverrun.codec.nodes import ATOMS
from riverrun.codec.object_shape import Shape
from riverrun.codec.rounding import restored
from riverrun.core.errors import is_rust_panic

_MAPPINGS: dict[str, type[Any]] = {"OrderedDict": OrderedDict, "Counter": Counter, "defaultdict": defaultdict}

Entries = Collection[tuple[Any, Any]]


class Malformed(Exception):
    """A node that no encoder writes."""


class Objects(Protocol):
    """What a reader asks of the graph around the unit that it reads."""

    def get(self, number: int) -> Any:
        """The object that is unit `number`; it may still be empty."""

    def get_for_trainer(self, number: int) -> Any:
        """The same, or None where the trainer's side is not here."""

    def row_body(self, number: int) -> Node:
        """The entries that the row unit `number` holds."""

    def finish_last(self, fill: Callable[[], None]) -> None:
        """Call `fill` when every object has its state, because hashing one may need that."""


class ValueReader:
    """Reads values from nodes."""

    def __init__(self, allow: AllowList, objects: Objects) -> None:
        self._allow = allow
        self._objects = objects
        self._readers: dict[int, Callable[[Node], Any]] = {
            **LEAF_READERS,
            nodes.REF: lambda node: objects.get(node[1]),
            nodes.TRAINER_REF: lambda node: objects.get_for_trainer(node[1]),
            nodes.TUPLE: lambda node: tuple(self._values(node[1:])),
            nodes.FROZENSET: lambda node: frozenset(self._values(node[1:])),
            nodes.TYPE: lambda node: self._allow.types[node[1]],
            nodes.FUNCTION: lambda node: self._allow.functions[node[1]],
            nodes.METHOD: self._method,
            nodes.PARTIAL: self._partial,
            nodes.COPIER: lambda node: functools.partial(copy.deepcopy, self.value(node[1])),
            nodes.ENUM: self._enum,
            nodes.NAMED_TUPLE: self._named_tuple,
            nodes.SUBVALUE: self._subvalue,
            nodes.OPAQUE: self._opaque,
            nodes.ITERATOR: self._iterator,
            nodes.ITEM_GETTER: lambda node: operator.itemgetter(*self._values(node[1:])),
            nodes.RANGE: lambda node: range(*self._values(node[1:])),
            nodes.GENERATOR: lambda node: np.random.Generator(self.value(node[1])),
        }

    def value(self, node: Node) -> Any:
        """The value that `node` stands for; objects that it refers to may still be empty."""
        kind = type(node)
        if kind in ATOMS:
            return node
        if kind is list:
            read = self._readers.get(node[0])
            if read is not None:
                return read(node)
        elif is_plain(node):
            # MessagePack made it for this one place.
            return node
        container = self.empty(node)
        self.fill(container, node)
        return container

    def empty(self, node: Node) -> Any:
        """The container that `node` describes, without its content, or a leaf as it is."""
        if type(node) is dict:
            return {}
        match node[0]:
            case nodes.LIST:
                return []
            case nodes.PAIRS | nodes.ROWS:
                return {}
            case nodes.MAPPING:
                return _MAPPINGS[node[1]]()
            case nodes.SET:
                return set()
            case nodes.DEQUE:
                return deque(maxlen=node[1])
        raise Malformed("a node of no known kind")

    def fill(self, container: Any, node: Node) -> None:
        """Put what `node` holds into `container`, which `empty` made of it or which extends such a one."""
        if isinstance(container, dict):
            if type(node) is list and node[0] == nodes.MAPPING:
                self.set_factory(container, node[2])
                node = node[3]
            self._fill_entries(container, node)
        elif node[0] == nodes.LIST:
            list.extend(container, self._values(node[1:]))
        elif node[0] == nodes.DEQUE:
            deque.__init__(container, self._values(node[2:]), node[1])
        elif node[0] == nodes.SET:
            values = self._values(node[1:])
            self._hashing(values, lambda: set.update(container, values))
        else:
            raise Malformed("content of another kind than the container's")

    def set_attributes(self, shell: Any, shape: Shape, written: list[Node]) -> None:
        """Give `shell`, a bare instance, its attributes; none of its class's code runs."""
        if len(written) != len(shape.attributes):
            raise Malformed("an object has more or fewer values than its shape has attributes")
        values = self._values(written)
        if shape.layout.own is not None:
            shape.layout.own.set(shell, shape.in_dict, values)
        for slot, value in zip(shape.in_slots, values[len(shape.in_dict) :], strict=True):
            slot.__set__(shell, value)

    def _values(self, written: list[Node]) -> list[Any]:
        read = self.value
        return [node if type(node) in ATOMS else read(node) for node in written]

    def _hashing(self, keys: Iterable[Any], fill: Callable[[], None]) -> None:
        if ATOMS.issuperset(map(type, keys)):
            fill()
        else:
            self._objects.finish_last(fill)

    def _fill_entries(self, container: dict[Any, Any], node: Node) -> None:
        entries = self.entries(node)
        if type(node) is dict:
            put(container, entries)
        else:
            self._hashing([key for key, _ in entries], lambda: put(container, entries))

    def entries(self, node: Node) -> Entries:
        """The entries that `node`, a dict's or a row's, holds."""
        if type(node) is dict and are_plain_keys(node):
            if ATOMS.issuperset(map(type, node.values())):
                return node.items()
            return list(zip(node, self._values(list(node.values())), strict=True))
        match node:
            case [nodes.PAIRS, *written] if len(written) % 2 == 0:
                values = self._values(written)
                return list(zip(values[::2], values[1::2], strict=True))
            case [nodes.ROUNDED, form, list() as keys, data] if ATOMS.issuperset(map(type, keys)):
                return list(zip(keys, restored(data, len(keys), form).tolist(), strict=True))
        raise Malformed("entries of no known kind")

    def set_factory(self, container: Any, node: Node) -> None:
        """Have `container`, where it can, make what it lacks by the factory that `node` is."""
        factory = self.value(node)
        if isinstance(container, defaultdict):
            container.default_factory = callable_or_none(factory)
        elif factory is not None:
            raise Malformed("a default factory where none can be")

    def _method(self, node: Node) -> MethodType:
        instance, name = self.value(node[1]), node[2]
        function = find_method(instance, name)
        if function is None:
            raise Malformed("a bound method that its object's class does not define")
        return MethodType(function, instance)

    def _partial(self, node: Node) -> functools.partial[Any]:
        keywords = {name: self.value(value) for name, value in node[2].items()}
        return functools.partial(self.value(node[1]), *self._values(node[3:]), **keywords)

    def _enum(self, node: Node) -> enum.Enum:
        cls = self._allow.types[node[1]]
        if not issubclass(cls, enum.Enum):
            raise Malformed("a member of a class that is no enumeration")
        return cls.__members__[node[2]]

    def _named_tuple(self, node: Node) -> Any:
        return tuple.__new__(self._allow.types[node[1]], self._values(node[2:]))

    def _subvalue(self, node: Node) -> Any:
        cls, value = self._allow.types[node[1]], self.value(node[2])
        if type(value) not in (int, float, str, bytes):
            raise Malformed("a value of a class that is no number or text")
        return type(value).__new__(cls, value)

    def _iterator(self, node: Node) -> Any:
        items = self.value(node[1])
        if type(items) is not list:
            raise Malformed("an iterator over something else than a list")
        iterator = iter(items)
        iterator.__setstate__(node[2])  # type: ignore[attr-defined]  # list iterators have it
        return iterator

    def _opaque(self, node: Node) -> Any:
        _, name, version, arguments, state = node
        mine = self._allow.opaque[name]
        if version != mine:
            raise Malformed(f"{name} was written by version {version!r} of its library; this is {mine!r}")
        if not ATOMS.issuperset(map(type, arguments)) or type(state) is not bytes:
            raise Malformed("an opaque object has plain arguments and its state in bytes")
        if any(type(argument) is int and abs(argument) > MAX_OPAQUE_ARGUMENT for argument in arguments):
            # Such numbers are sizes that a library takes memory for before anything else.
            raise Malformed(f"an opaque object with an argument over {MAX_OPAQUE_ARGUMENT}")
        with _panics_refused(name):
            instance = self._allow.types[name](*arguments)
        self.set_opaque(instance, name, state)
        return instance

    def set_opaque(self, instance: Any, name: str, state: bytes) -> None:
        """Give `instance`, of an opaque class, a state that only its library reads."""
        with _panics_refused(name):
            instance.__setstate__(state)


@contextmanager
def _panics_refused(name: str) -> Iterator[None]:
    try:
        yield
    except Exception:
        raise
    except BaseException as error:
        if not is_rust_panic(error):
            raise
        raise Malformed(f"{name} does not take this state") from error


def callable_or_none(factory: Any) -> Any:
    """`factory` as it is; raises `Malformed` for what is neither None nor can be called."""
    if factory is not None and not callable(factory):
        raise Malformed("a default factory that cannot be called")
    return factory
