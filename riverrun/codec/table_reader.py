"""Dicts and tables, of which many entries are cut into rows: read a row at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from riverrun.codec import nodes
from riverrun.codec.allow_list import AllowList
from riverrun.codec.entries import put, row_numbers
from riverrun.codec.leaf_values import Node
from riverrun.codec.nodes import ATOMS
from riverrun.codec.value_reader import Entries, Malformed, Objects, ValueReader, callable_or_none

_ROW_BODIES = frozenset({nodes.PAIRS, nodes.ROUNDED})
_NUMBERS = (int, float, np.generic)


class TableReader:
    """Fills containers that are units of their own; `values` reads what is in them."""

    def __init__(self, allow: AllowList, objects: Objects, values: ValueReader) -> None:
        self._allow = allow
        self._objects = objects
        self._values = values

    def filling(self, container: Any, node: Node) -> Iterator[None]:
        """`fill` in steps, for a unit that `container` is: one for each row, where it is cut into rows."""
        numbers = row_numbers(node)
        if numbers is None:
            self._values.fill(container, node)
            return
        if node[0] == nodes.MAPPING:
            self._values.set_factory(container, node[2])
        late: list[Entries] = []
        for entries in self._rows(numbers):
            if late or not ATOMS.issuperset([type(key) for key, _ in entries]):
                late.append(entries)
            else:
                put(container, entries)
            yield
        if late:
            self._objects.finish_last(lambda: put(container, chain.from_iterable(late)))

    def table(self, node: Node) -> tuple[Any, dict[Any, Any]]:
        """The table that `node` describes, and the dict that it holds its entries in, which is empty."""
        _, name, _, factory, *rest = node
        if name not in self._allow.tables:
            raise Malformed("a table of a class that is none")
        make_default = callable_or_none(self._values.value(factory))
        mask, is_copied = (self._values.value(node) for node in rest)
        if not (mask is None or type(mask) in (set, list, dict)) or type(is_copied) is not bool:
            # Whatever else could be iterated over might never end.
            raise Malformed("a table with a mask that is none")
        entries: dict[Any, Any] = {}
        return self._allow.types[name](entries, make_default, mask, False), entries

    def filling_table(self, container: dict[Any, Any], node: Node) -> Iterator[None]:
        """Put what `node`, a table's, holds into `container`, a row at each step."""
        numbers = row_numbers(node)
        for entries in [self._values.entries(node[2])] if numbers is None else self._rows(numbers):
            if not all(issubclass(kind, _NUMBERS) for kind in {type(value) for _, value in entries}):
                raise Malformed("a table holds numbers")
            container.update(entries)
            yield

    def _rows(self, numbers: Sequence[int]) -> Iterator[Entries]:
        """The entries of each row. Raises `Malformed` at one that is none."""
        if len(set(numbers)) != len(numbers):
            raise Malformed("a table with the same rows twice")
        for number in numbers:
            body = self._objects.row_body(number)
            if type(body) is list and body[0] not in _ROW_BODIES:
                raise Malformed("rows that hold no entries")
            yield self._values.entries(body)
