"""Bound methods, partials, deepcopy and iterators have rules of their own; decoding calls none of them."""

from __future__ import annotations

import copy
import functools
import operator
from collections import defaultdict, deque
from typing import Any

import pytest

from riverrun.codec import nodes
from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.graph_encoder import GraphEncoder
from riverrun.core.errors import InvalidInput
from tests.unit.codec.parts import Part, allow_list, round_trip
from tests.unit.codec.test_hostile_states_are_refused import holding, refused


class Trap:
    """Everything about it that can be called would tell."""

    def __init__(self) -> None:
        raise AssertionError("decoding made one by its constructor")

    def spring(self, *_: object) -> None:
        raise AssertionError("decoding called a method")

    def __deepcopy__(self, memo: object) -> Trap:
        raise AssertionError("decoding copied one")

    def __iter__(self) -> Any:
        raise AssertionError("decoding iterated over one")


def test_decoding_calls_nothing_that_it_decodes() -> None:
    trap: Any = object.__new__(Trap)
    part = Part(
        method=trap.spring,
        partial=functools.partial(trap.spring, 1),
        made=functools.partial(Trap),
        copier=functools.partial(copy.deepcopy, trap),
        table=defaultdict(trap.spring),
        iterator=iter([trap]),
    )
    allow = allow_list().with_types([Trap])
    encoder = GraphEncoder(allow)
    encoder.encode(part)

    restored = GraphDecoder(allow).decode(encoder.state())

    assert restored.method.__self__ is restored.copier.args[0] is next(restored.iterator)
    assert restored.table.default_factory == restored.method
    assert restored.made.func is Trap


def test_a_deepcopy_as_a_default_factory_copies_the_object_that_it_was_given() -> None:
    pattern = Part(values=[1])

    restored = round_trip(Part(pattern=pattern, table=defaultdict(functools.partial(copy.deepcopy, pattern))))
    made = restored.table["a"]

    assert made is not restored.pattern
    made.values.append(2)
    assert restored.pattern.values == [1]


@pytest.mark.parametrize(
    "value",
    [
        functools.partial(copy.deepcopy, Part(), {}),
        functools.partial(getattr, Part(), "x"),
        functools.partial(map, len),
        operator.attrgetter("__class__"),
        operator.methodcaller("clear"),
        getattr,
        copy.deepcopy,
        functools.partial,
        iter(deque([1])),
        iter({1: 2}),
        (number for number in [1]),
        [].append,
        object().__init__,  # type: ignore[misc]
    ],
)
def test_no_other_way_to_call_something_is_stored(value: Any) -> None:
    with pytest.raises(InvalidInput, match=r"model\.value"):
        GraphEncoder(allow_list()).encode(Part(value=value))


@pytest.mark.parametrize(
    "value",
    [
        [nodes.PARTIAL, [nodes.FUNCTION, "builtins.getattr"], {}, 1, "x"],
        [nodes.PARTIAL, [nodes.FUNCTION, "copy.deepcopy"], {}, 1],
        [nodes.PARTIAL, "text", {}],
        [nodes.PARTIAL, [nodes.TYPE, "functools.partial"], {}],
        [nodes.COPIER],
        [nodes.METHOD, [nodes.REF, 0], "no_such"],
        [nodes.METHOD, [nodes.REF, 0], "__setattr__"],
        [nodes.ITERATOR, {"a": 1}, 0],
        [nodes.ITERATOR, [nodes.REF, 0], 0],
        [nodes.MAPPING, "defaultdict", 7, {}],
    ],
    ids=repr,
)
def test_no_other_way_to_call_something_is_read(value: Any) -> None:
    refused(*holding(value))
