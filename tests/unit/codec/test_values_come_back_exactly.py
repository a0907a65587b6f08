"""Single values inside an object: type, order and every bit."""

from __future__ import annotations

import copy
import datetime as dt
import functools
import math
import operator
import random
import statistics
import struct
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import numpy as np
import pytest
from river import stats
from river.utils import VectorDict

from riverrun.codec.graph_encoder import GraphEncoder
from tests.unit.codec.parts import (
    Colour,
    Guarded,
    Index,
    Metres,
    Part,
    Point,
    Slotted,
    Window,
    allow_list,
    round_trip,
)

NAN_WITH_PAYLOAD = struct.unpack("<d", b"\x01\x02\x03\x00\x00\x00\xf8\x7f")[0]

VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    1 << 63,
    (1 << 64) - 1,
    1 << 64,
    -(1 << 63) - 1,
    -(1 << 700),
    0.1,
    -0.0,
    math.inf,
    -math.inf,
    5e-324,
    "",
    "río ✓ \U0001f30a",
    "\ud800 alone",
    b"\x00\xff",
    bytearray(b"abc"),
    1 - 2j,
    [],
    [1, [2.0, ["three"]]],
    (),
    (1, ("two", [3])),
    {"b": 1, "a": {"nested": [1]}},
    {1: "int", "1": "str", None: 0, 1.5: [], (1, ("a", b"b")): (2,), b"k": 1, (): 0},
    {np.float64(1.5): 1, Colour.RED: 2, frozenset({1}): 3, int: 4, (1, Colour.BLUE): 5, 1 << 70: 6},
    {1 << 80: "\udfff"},
    {3, 1, 2},
    {"a", 1, (2, 3), None},
    frozenset({"x", "y"}),
    OrderedDict([("z", 1), ("a", 2)]),
    Counter({"a": 3, "b": -1}),
    defaultdict(int, {"a": 1}),
    defaultdict(None, {"a": 1}),
    defaultdict(functools.partial(defaultdict, list), {"a": defaultdict(list, {"b": [1]})}),
    deque([1, 2, 3], maxlen=3),
    deque(["a", [1]]),
    Colour.BLUE,
    Point(1.0, [2]),
    Metres(-0.0),
    Metres(2.5),
    np.float64(0.1),
    np.float32(0.1),
    np.int64(-3),
    np.bool_(True),
    np.str_("text"),
    np.datetime64("2020-01-02T03:04:05", "s"),
    np.arange(6, dtype=np.int32).reshape(2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.array(3.5),
    np.zeros((0, 3)),
    np.array(["ab", "c"]),
    np.array([NAN_WITH_PAYLOAD, -0.0]),
    dt.date(2013, 1, 1),
    dt.datetime(2013, 1, 1, 5, 6, 7, 89),
    dt.datetime(2013, 11, 3, 1, 30, fold=1),
    dt.datetime(2013, 1, 1, tzinfo=dt.UTC),
    dt.datetime(2013, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=-5, minutes=-30))),
    dt.timedelta(days=-1, seconds=5, microseconds=7),
    range(1, 10, 2),
    int,
    type(None),
    stats.Mean,
    math.sqrt,
    str.lower,
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{type(value).__name__}-{value!r:.40}")
def test_a_value_comes_back_equal_in_type_and_order(value: Any) -> None:
    restored = round_trip(Part(value=value)).value

    assert type(restored) is type(value)
    # The iteration order of a set is nobody's promise; every other order is kept.
    assert restored == value if isinstance(value, set) else repr(restored) == repr(value)
    if isinstance(value, np.ndarray):
        assert restored.tobytes("A") == value.tobytes("A")
        assert restored.flags.f_contiguous == value.flags.f_contiguous
        assert restored.flags.writeable


def test_every_bit_of_a_nan_comes_back() -> None:
    restored = round_trip(Part(value=NAN_WITH_PAYLOAD, key={NAN_WITH_PAYLOAD: 1}))

    for number in (restored.value, *restored.key):
        assert struct.pack("<d", number) == struct.pack("<d", NAN_WITH_PAYLOAD)


def test_sets_are_written_in_one_order_whatever_theirs_is() -> None:
    names = [f"name-{n}" for n in range(40)]
    names_backwards = names[::-1]

    forwards, backwards = set(names), set(names_backwards)

    assert round_trip(Part(value=forwards)).value == backwards
    assert _payload(Part(value=forwards)) == _payload(Part(value=backwards))


@pytest.mark.parametrize(
    "generator",
    [
        random.Random(1),
        np.random.default_rng(2),
        np.random.Generator(np.random.Philox(3)),
        np.random.RandomState(4),
    ],
    ids=lambda generator: type(generator).__name__,
)
def test_a_generator_goes_on_where_it_stood(generator: Any) -> None:
    draw = generator.gauss if isinstance(generator, random.Random) else generator.normal
    draw(0, 1)

    restored = round_trip(Part(generator=generator)).generator
    draw_restored = restored.gauss if isinstance(generator, random.Random) else restored.normal

    assert [draw_restored(0, 1) for _ in range(700)] == [draw(0, 1) for _ in range(700)]


def test_what_can_be_called_comes_back_bound_to_what_it_was_bound_to() -> None:
    part = Part()
    part.method = part.double
    part.of_class = Part.named
    part.partial = functools.partial(part.double, 21)
    part.copier = functools.partial(copy.deepcopy, part)
    part.getter = operator.itemgetter("a", "b")

    restored = round_trip(part)

    assert restored.method.__self__ is restored
    assert restored.method(2) == 4
    assert restored.of_class("x").name == "x"
    assert restored.partial() == 42
    assert restored.copier.args[0] is restored
    assert restored.getter({"a": 1, "b": 2}) == (1, 2)


def test_an_iterator_goes_on_where_it_stood() -> None:
    started, exhausted = iter(["a", "b", "c"]), iter([1])
    next(started)
    list(exhausted)

    restored = round_trip(Part(started=started, exhausted=exhausted))

    assert list(restored.started) == ["b", "c"]
    assert list(restored.exhausted) == []


def test_no_code_of_a_class_runs_when_its_instance_is_rebuilt() -> None:
    guarded = object.__new__(Guarded)
    guarded.__dict__["value"] = 1
    window: Window = Window.__new__(Window)
    deque.__init__(window, [1.0, 2.0], 2)
    window.alpha = 0.5
    index: Index = Index.__new__(Index)
    OrderedDict.__setitem__(index, "a", 1)
    index.offset = 3

    restored = round_trip(Part(guarded=guarded, window=window, index=index))

    assert vars(restored.guarded) == {"value": 1}
    assert list(restored.window) == [1.0, 2.0]
    assert (restored.window.maxlen, restored.window.alpha) == (2, 0.5)
    assert list(restored.index.items()) == [("a", 1)]
    assert restored.index.offset == 3


def test_slots_come_back_empty_ones_empty() -> None:
    slotted = Slotted()
    slotted.left = [1]

    restored = round_trip(Part(slotted=slotted)).slotted

    assert restored.left == [1]
    assert not hasattr(restored, "right")


def test_state_beneath_python_comes_back() -> None:
    quantile = stats.Quantile(0.3)
    for number in (5.0, 1.0, 3.0, 2.0, 9.0, 7.0):
        quantile.update(number)
    weights = VectorDict({"b": 1.5, ("a", 1): -0.0, 3: np.float64(2)}, float)

    restored = round_trip(Part(quantile=quantile, weights=weights, normal=statistics.NormalDist(1, 2)))

    quantile.update(4.0)
    restored.quantile.update(4.0)
    assert restored.quantile.get() == quantile.get()
    assert repr(restored.weights) == repr(weights)
    assert restored.weights["new"] == 0.0
    assert restored.normal == statistics.NormalDist(1, 2)


def _payload(part: Part) -> bytes:
    return GraphEncoder(allow_list()).encode(part).serving.changed[0]
