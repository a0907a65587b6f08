"""Objects as nodes: each is a unit of its own, made of its class and what it holds."""

from __future__ import annotations

import functools
import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from riverrun.codec import leaf_values, nodes
from riverrun.codec.allow_list import AllowList
from riverrun.codec.class_layout import is_dunder, layout_of
from riverrun.codec.leaf_values import MAX_OPAQUE_ARGUMENT, Node, Writer, leaf_writer
from riverrun.codec.unit_table import UnitTable
from riverrun.codec.unwritable import Unwritable, type_name

if TYPE_CHECKING:
    from riverrun.codec.value_writer import ValueWriter

_Layout = tuple[Callable[[Any], dict[str, Any]], type[Any] | None, str, frozenset[str], str | None]
"""Of a class: how attributes are read, its content, its name, the trainer's attributes, the settled one."""


class ObjectWriter:
    """Writes objects; what they hold is written by `values`."""

    def __init__(
        self, values: ValueWriter, allow: AllowList, units: UnitTable, settled: Mapping[type[Any], str]
    ) -> None:
        self._values = values
        self._allow = allow
        self._units = units
        self._settled = settled
        self._layouts: dict[type[Any], _Layout] = {}
        self.known: dict[type[Any], Writer] = {
            random.Random: leaf_writer(leaf_values.write_random),
            np.random.RandomState: leaf_writer(leaf_values.write_random_state),
            type(iter([])): self._iterator,
            np.random.Generator: lambda v, depth: [nodes.GENERATOR, values.value(v.bit_generator, depth)],
        }
        """The writers of the classes met so far."""

    def meet(self, cls: type[Any], instance: Any) -> Writer:
        """The writer of a class met for the first time. Raises `Unwritable` for what data cannot rebuild."""
        if issubclass(cls, np.random.BitGenerator):
            write: Writer = leaf_writer(leaf_values.write_bit_generator)
        else:
            name = type_name(self._allow, cls, instance)
            if name in self._allow.tables:
                write = functools.partial(self._table, name)
            elif name in self._allow.opaque:
                write = functools.partial(self._opaque, name)
            else:
                layout = layout_of(cls)
                if layout is None:
                    raise Unwritable(instance, f"the state of {name} cannot be read")
                settled = self._settled.get(cls)
                own = layout.own.read if layout.own is not None and not layout.slots else layout.attributes
                trainer_only = self._allow.trainer_only_attributes(cls)
                self._layouts[cls] = own, layout.content, name, trainer_only, settled
                write = self._object
        self.known[cls] = write
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
            node += self._values.values(attributes.values(), depth)
        else:
            for attribute, value in attributes.items():
                write = self._for_trainer if attribute in trainer_only else self._values.value
                node.append(write(value, depth))
        if settled is not None:
            self._units.settle(attributes.get(settled))
        return node

    def _for_trainer(self, value: Any, depth: int) -> Node:
        if self._values.is_unit(value):
            return [nodes.TRAINER_REF, self._units.adopt_for_trainer(value)]
        return self._values.value(value, depth)

    def _content(self, base: type[Any], instance: Any, depth: int) -> Node:
        if issubclass(base, dict):
            return self._values.body(dict(instance), depth)
        if base is set:
            return self._values.members(instance, depth)
        values = self._values.values(list(instance), depth)
        return [nodes.DEQUE, instance.maxlen, *values] if base is deque else [nodes.LIST, *values]

    def _table(self, name: str, table: Any, depth: int) -> Node:
        entries, *arguments = table.__reduce__()[1]
        return [
            nodes.TABLE,
            name,
            self._values.entries(entries, depth),
            *map(self._values.argument, arguments),
        ]

    def _iterator(self, iterator: Any, _: int) -> Node:
        # An exhausted iterator has let go of its list and stands at no place in it.
        _, (items, *_), *place = iterator.__reduce__()
        return [nodes.ITERATOR, self._values.argument(list(items)), place[0] if place else 0]

    def _opaque(self, name: str, instance: Any, _: int) -> Node:
        arguments = list(instance.__getnewargs__()) if hasattr(instance, "__getnewargs__") else []
        if any(type(argument) is int and abs(argument) > MAX_OPAQUE_ARGUMENT for argument in arguments):
            raise Unwritable(instance, f"a window of more than {MAX_OPAQUE_ARGUMENT} values cannot be stored")
        return [nodes.OPAQUE, name, self._allow.opaque[name], arguments, instance.__getstate__()]


def _check_names(attributes: Iterable[str], instance: Any) -> None:
    for attribute in attributes:
        # Decoders refuse these names too: they would change what Python itself does with an object.
        if type(attribute) is not str or is_dunder(attribute):
            raise Unwritable(instance, f"an attribute called {attribute!r} cannot be stored")
