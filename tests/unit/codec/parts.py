"""Small classes that stand for parts of a model, and the allow-list that names them."""

from __future__ import annotations

import enum
import functools
from collections import OrderedDict, deque
from typing import Any, NamedTuple

from riverrun.codec.allow_list import AllowList
from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.graph_encoder import GraphEncoder
from riverrun.learners.river_allow_list import river_allow_list


class Part:
    """An object with whatever attributes it is given."""

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)

    def double(self, number: float) -> float:
        return 2 * number

    @classmethod
    def named(cls, name: str) -> Part:
        return cls(name=name)


class Slotted:
    """An object with slots, one of which may be empty, and no __dict__."""

    __slots__ = ("left", "right")


class SlottedChild(Slotted):
    """Slots of a base class beside a __dict__."""


class Window(deque[float]):
    """A container with attributes of its own."""

    def append(self, value: float) -> None:
        raise AssertionError("decoding ran a method of a class")


class Index(OrderedDict[str, int]):
    """A mapping with attributes of its own."""

    def __setitem__(self, key: str, value: int) -> None:
        raise AssertionError("decoding ran a method of a class")


class Guarded:
    """A class whose every hook would tell of code that ran."""

    def __init__(self) -> None:
        raise AssertionError("decoding ran __init__")

    def __new__(cls) -> Guarded:
        raise AssertionError("decoding ran __new__")

    def __setattr__(self, name: str, value: object) -> None:
        raise AssertionError("decoding ran __setattr__")

    def __setstate__(self, state: object) -> None:
        raise AssertionError("decoding ran __setstate__")


class Point(NamedTuple):
    """A tuple with names."""

    x: float
    y: Any


class AttributedPoint(Point):
    """A tuple that can have attributes."""

    note: str


class Metres(float):
    """A number with a meaning."""

    __slots__ = ()


class Colour(enum.Enum):
    """A choice."""

    RED = 1
    BLUE = 2


class Key:
    """A key that is hashed by what it holds."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)


@functools.cache
def allow_list() -> AllowList:
    """River's list, the parts above, and one attribute that only a trainer needs."""
    listed = river_allow_list().with_types(
        [Part, Slotted, SlottedChild, Window, Index, Guarded, Point, AttributedPoint, Metres, Colour, Key]
    )
    name = f"{Part.__module__}.Part"
    return AllowList(
        types=listed.types,
        functions=listed.functions,
        trainer_only=listed.trainer_only | {(name, "for_trainer")},
        tables=listed.tables,
        opaque=listed.opaque,
        refused=listed.refused,
    )


def round_trip(root: Any) -> Any:
    """`root` encoded and decoded; checks that a restored encoder finds nothing changed."""
    encoder = GraphEncoder(allow_list())
    encoder.encode(root)
    restored, restored_encoder = GraphDecoder(allow_list()).restore(encoder.state())
    delta = restored_encoder.encode(restored)
    assert not delta, delta
    assert restored_encoder.roots() == encoder.roots()
    assert restored_encoder.state() == encoder.state()
    return restored
