"""The entries of dicts and tables, as nodes and as Python has them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from riverrun.codec import nodes
from riverrun.codec.leaf_values import Node
from riverrun.codec.nodes import ATOMS
from riverrun.codec.rounding import restored

_BODY_OF = {nodes.MAPPING: 3, nodes.TABLE: 2}
"""Where the entries are in a node that has more than entries."""


def is_plain(node: Node) -> bool:
    """Whether `node` is a dict of atoms, which need no reading."""
    return ATOMS.issuperset(map(type, node)) and ATOMS.issuperset(map(type, node.values()))


def are_plain_keys(keys: Iterable[Any]) -> bool:
    """Whether keys need no nodes: MessagePack gives atoms, and tuples of them, back as they were."""
    if ATOMS.issuperset(map(type, keys)):
        return True
    return all(type(key) in ATOMS or (type(key) is tuple and are_plain_keys(key)) for key in keys)


def plain_body(body: Node) -> Node:
    """The body of a row unit; as a map, where it is one of rounded numbers."""
    match body:
        case [nodes.ROUNDED, form, list() as keys, data]:
            return dict(zip(keys, restored(data, len(keys), form).tolist(), strict=True))
    return body


def row_numbers(node: Node) -> list[int] | None:
    """The numbers of the rows that the entries of a unit are cut into; None where they are not."""
    if type(node) is list and node[0] in _BODY_OF:
        node = node[_BODY_OF[node[0]]]
    return node[1:] if type(node) is list and node[0] == nodes.ROWS else None


def put(container: dict[Any, Any], entries: Iterable[tuple[Any, Any]]) -> None:
    """Put `entries` into `container`; none of its own code runs."""
    # Never the container's own update: Counter's would add, a subclass's could be anything.
    if isinstance(container, OrderedDict):
        for key, value in entries:
            OrderedDict.__setitem__(container, key, value)
    else:
        dict.update(container, entries)
