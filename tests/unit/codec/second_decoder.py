"""A second decoder, written from docs/reference/wire-format.md alone: it shares no code with ours."""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import accumulate
from math import ceil, prod
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec
import numpy as np

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdDecompressor, ZstdDict
else:
    from backports.zstd import ZstdDecompressor, ZstdDict

Units = dict[int, bytes]


def read_side(data: bytes, dictionary_1: Path) -> tuple[Units, set[int]]:
    """The changed and the dropped units of a side delta."""
    (magic, form, checksum, size), body = struct.unpack("<4sBIQ", data[:17]), data[17:]
    assert (magic, checksum) == (b"RRD1", crc32(body))
    if form:
        words = ZstdDict(dictionary_1.read_bytes()) if form == 2 else None
        body = ZstdDecompressor(words).decompress(body, max_length=size + 1)
    assert len(body) == size
    numbers, payloads, dropped = msgspec.msgpack.decode(body)
    return dict(zip(accumulate(numbers), payloads, strict=True)), set(accumulate(dropped))


def root_of(units: Units) -> bytes:
    """The root of a side."""
    if not units:
        return sha256(b"\2\0" + bytes(32)).digest()
    level = {n: sha256(b"\0" + n.to_bytes(8, "big") + payload).digest() for n, payload in units.items()}
    height = 0
    while height == 0 or set(level) != {0}:
        parents: dict[int, bytearray] = {}
        for n, digest in level.items():
            children = parents.setdefault(n // 16, bytearray(16 * 32))
            children[n % 16 * 32 : n % 16 * 32 + 32] = digest
        level = {n: sha256(b"\1" + node).digest() for n, node in parents.items()}
        height += 1
    return sha256(b"\2" + bytes([height]) + level[0]).digest()


def rounded(form: int, data: bytes, count: int) -> Any:
    """Numbers in one of the rounded forms."""
    if form == 1:
        return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4").astype("f8")
    blocks = [data[place : place + 68] for place in range(0, count + 4 * ceil(count / 64), 68)]
    parts = [struct.unpack("<f", block[:4])[0] * np.frombuffer(block[4:], "i1") for block in blocks]
    return np.concatenate([np.empty(0), *parts])


@dataclass(eq=False)
class Thing:
    """What is no plain data: a kind, the name of a class, what it holds. A dict is a list of pairs."""

    kind: int
    name: str
    content: Any = None
    attributes: dict[str, Any] = field(default_factory=dict)


class Graph:
    """The values of a state; `trainer` is None where only the serving side is here."""

    def __init__(self, serving: Units, trainer: Units | None) -> None:
        # Where a number is on both sides, the trainer's unit is the exact one.
        self.units = {n: msgspec.msgpack.decode(unit) for n, unit in {**serving, **(trainer or {})}.items()}
        self.is_whole = trainer is not None
        self.seen: dict[int, Any] = {}
        self.waiting: list[tuple[Any, Any]] = []
        self.root = self.unit(0)
        while self.waiting:
            self.fill(*self.waiting.pop())

    def unit(self, number: int) -> Any:
        if number not in self.seen:
            node = self.units[number]
            kind = 7 if isinstance(node, dict) else node[0]
            if kind in (0, 11):
                self.seen[number] = Thing(kind, self.units[node[1]][1])
            else:
                self.seen[number] = [] if kind in (3, 5, 7, 8, 9, 10) else self.value(node)
            if kind in (0, 3, 5, 7, 8, 9, 10, 11):
                self.waiting.append((self.seen[number], node))
        return self.seen[number]

    def fill(self, made: Any, node: Any) -> None:
        if isinstance(made, Thing):
            made.content = self.value(node[2]) if node[0] == 11 else None
            names, values = self.units[node[1]][2], node[3 if node[0] == 11 else 2 :]
            made.attributes.update(zip(names, map(self.value, values), strict=True))
        else:
            made += self.value(node)

    def value(self, node: Any) -> Any:
        if isinstance(node, dict):
            return [(key, self.value(value)) for key, value in node.items()]
        if not isinstance(node, list):
            return node
        match node:
            case [1 | 2 as kind, number]:
                is_away = kind == 2 and not self.is_whole and number not in self.units
                return None if is_away else self.unit(number)
            case [3 | 4 | 5 | 6, *items] | [10, _, *items]:
                return [self.value(item) for item in items]
            case [7, *written]:
                return list(zip(map(self.value, written[::2]), map(self.value, written[1::2]), strict=True))
            case [8, _, _, entries]:
                return self.value(entries)
            case [9, *rows]:
                return [pair for row in rows for pair in self.value(self.units[row][1])]
            case [19, data]:
                return int.from_bytes(data, "little", signed=True)
            case [22, dtype, shape, order, data]:
                return np.frombuffer(data, dtype).reshape(shape, order=order)
            case [23, dtype, data]:
                return np.frombuffer(data, dtype)[0]
            case [40, form, keys, data]:
                return list(zip(keys, rounded(form, data, len(keys)).tolist(), strict=True))
            case [12 | 13 | 16 | 17 | 18 | 24 | 25 as kind, name, *items]:
                return Thing(kind, name, [self.value(item) for item in items])
        return Thing(node[0], "", node[1:])


def read_tensors(serving: Units) -> dict[str, Any]:
    """The tensors of a torch learner's serving side, of those that have no start."""
    found: dict[str, Any] = {}
    for number, unit in sorted(serving.items()):
        value = msgspec.msgpack.decode(unit)
        if isinstance(value, list) and value[0] != 41:
            block, first, flat = value[3], number, np.empty(prod(value[2]), "<" + value[1])
            found[value[0]] = flat.reshape(value[2])
        else:
            part = flat[(number - first) // 2 * block - block :][:block]
            is_exact = isinstance(value, bytes)
            part[:] = np.frombuffer(value, flat.dtype) if is_exact else rounded(*value[1:], part.size)
    return found
