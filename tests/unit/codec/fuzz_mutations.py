"""Random changes of bytes, of nodes and of JSON, for every fuzz."""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence
from typing import Any

import msgspec

ODD_NUMBERS = (-1, 0, 1, 255, 256, 1 << 31, (1 << 32) - 1, 1 << 53, (1 << 63) - 1, -(1 << 63), (1 << 64) - 1)


class NodeChanges:
    """Changes nodes at random; `pool` are nodes to put in place of others."""

    def __init__(self, pool: Sequence[Any]) -> None:
        self._pool = pool

    def mutated(self, source: random.Random, node: Any) -> Any:
        """`node` with something in it replaced, repeated, taken away or moved."""
        if isinstance(node, list) and node and source.random() < 0.8:
            place = source.randrange(len(node))
            twin = list(node)
            match source.randrange(8):
                case 0:
                    del twin[place]
                case 1:
                    twin.insert(place, self.random_node(source, 0))
                case 2:
                    twin += twin[place:] * source.choice((1, 1, 50))
                case 3:
                    twin[0] = source.randrange(45)
                case _:
                    twin[place] = self.mutated(source, twin[place])
            return twin
        if isinstance(node, dict) and node and source.random() < 0.8:
            key = source.choice(list(node))
            return {**node, key: self.mutated(source, node[key])}
        if isinstance(node, (bytes, str)) and node and source.random() < 0.5:
            return node[: source.randrange(len(node))] if source.random() < 0.5 else node * 2
        return self.random_node(source, 0)

    def random_node(self, source: random.Random, depth: int = 0) -> Any:
        """A node of any kind, or an atom, or one of the pool."""
        choice = source.random()
        if choice < 0.4 or depth > 3:
            return source.choice(self._pool)
        if choice < 0.6:
            return source.choice(ODD_NUMBERS)
        if choice < 0.7:
            return source.choice((None, True, float("nan"), 1e308, "text", "", b"", bytes(9), "\u00e9" * 40))
        if choice < 0.72:
            return functools.reduce(lambda inner, _: [3, inner], range(source.choice((40, 500))), [3])
        size = source.randrange(5)
        if choice < 0.8:
            return {str(i): self.random_node(source, depth + 1) for i in range(size)}
        return [source.randrange(45), *(self.random_node(source, depth + 1) for _ in range(size))]


def encoded(node: Any) -> bytes:
    """A node as a payload; bytes that are none where MessagePack cannot say it."""
    try:
        return msgspec.msgpack.encode(node)
    except (OverflowError, RecursionError, UnicodeEncodeError, TypeError):
        return b"\xc1"


def changed(source: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """`data` with some of its bytes changed, inserted, taken away or taken from another."""
    twin = bytearray(data)
    for _ in range(source.choice((1, 1, 2, 5))):
        place = source.randrange(len(twin) + 1)
        match source.randrange(6):
            case 0 | 1 if place < len(twin):
                twin[place] = source.randrange(256)
            case 2 if place < len(twin):
                twin[place] ^= 1 << source.randrange(8)
            case 3:
                twin[place:place] = source.randbytes(source.choice((1, 4, 30)))
            case 4:
                del twin[place : place + source.choice((1, 4, 1 << 20))]
            case _:
                other = source.choice(others)
                start = source.randrange(len(other) + 1)
                twin[place : place + 8] = other[start : start + 8]
    return bytes(twin)


def nodes_of(unit: bytes) -> list[Any]:
    """All nodes in a payload."""
    found: list[Any] = []
    stack = [msgspec.msgpack.decode(unit)]
    while stack:
        node = stack.pop()
        found.append(node)
        if isinstance(node, list):
            stack += node
        elif isinstance(node, dict):
            stack += node.values()
    return found


VALUES: tuple[Any, ...] = (
    None, True, -1, 2**70, 1e308, "", "é\x00", [], [[1]], {}, {"a": {"b": 1}}, "x" * 5000
)  # fmt: skip


def other_value(source: random.Random, document: Any) -> Any:
    """A JSON `document` with one of its values, or a key, replaced."""
    if not isinstance(document, dict | list) or not document or source.random() < 0.3:
        return source.choice(VALUES)
    if isinstance(document, list):
        at = source.randrange(len(document))
        return [*document[:at], other_value(source, document[at]), *document[at + 1 :]]
    key = source.choice(list(document))
    if source.random() < 0.2:
        return {**document, source.choice(["", "é", "x" * 300]): document[key]}
    return {**document, key: other_value(source, document[key])}
