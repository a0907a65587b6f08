"""Whatever bytes a state holds, decoding them gives an object or `InvalidInput`; nothing else happens.

Bounds of memory and time, and many more states, are in `test_decoders_never_fall_over.py`.
"""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from river import compose, ensemble, linear_model, preprocessing, stats, tree

from riverrun.codec import nodes
from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.graph_encoder import GraphEncoder
from riverrun.codec.live_graph import LiveGraph
from riverrun.core.digest import HashTree
from riverrun.core.errors import DigestMismatch, InvalidInput
from riverrun.core.units import SideDelta, State
from tests.unit.codec.parts import Colour, Metres, Part, Point, allow_list
from tests.unit.codec.watched_decoding import watched

PART = f"{Part.__module__}.Part"
VECTOR_DICT = "river._river_rust.vectordict.VectorDict"
pack = msgspec.msgpack.encode


def state_of(*units: Any) -> State:
    """A state of these nodes, numbered from 0."""
    return State({number: pack(node) for number, node in enumerate(units)})


def refused(*units: Any) -> str:
    """Why a state of these nodes is refused."""
    with pytest.raises(InvalidInput) as error:
        GraphDecoder(allow_list()).decode(state_of(*units))
    return error.value.expected


def holding(value: Any) -> tuple[Any, Any]:
    """The nodes of a part that holds the value of this node."""
    return [nodes.OBJECT, 1, value], [nodes.SHAPE, PART, ["value"]]


@pytest.mark.parametrize(
    "value",
    [
        [nodes.TYPE, "os.system"],
        [nodes.TYPE, "builtins.type"],
        [nodes.FUNCTION, "builtins.getattr"],
        [nodes.FUNCTION, "builtins.eval"],
        [nodes.FUNCTION, "copy.deepcopy"],
        [nodes.FUNCTION, PART],
        [nodes.PARTIAL, [nodes.FUNCTION, "builtins.exec"], {}, "print()"],
        [nodes.PARTIAL, 3, {}],
        [nodes.METHOD, "text", "format"],
        [nodes.METHOD, [nodes.REF, 0], "__init__"],
        [nodes.METHOD, [nodes.REF, 0], "__class__"],
        [nodes.METHOD, [nodes.TYPE, PART], "double"],
        [nodes.ENUM, "builtins.int", "real"],
        [nodes.ENUM, PART, "named"],
        [nodes.NAMED_TUPLE, PART],
        [nodes.SUBVALUE, "builtins.bool", 1],
        [nodes.SUBVALUE, PART, 1.0],
        [nodes.OPAQUE, "river._river_rust.stats.RsQuantile", "river 0.0.1", [], b""],
        [nodes.OPAQUE, PART, "river 0.26.1", [], b""],
        [nodes.OPAQUE, "os.system", "river 0.26.1", ["true"], b""],
        [nodes.OPAQUE, "river._river_rust.stats.RsRollingQuantile", "river 0.26.1", [0.5, 1 << 40], b""],
        [nodes.OPAQUE, "river._river_rust.drift.AdaptiveWindowing", "river 0.26.1", [0.1, 32, 1 << 40], b""],
        [nodes.TABLE, VECTOR_DICT, {}, None, [nodes.RANGE, 0, 1 << 60, 1], True],
        [nodes.TABLE, VECTOR_DICT, {}, None, True, True],
        [nodes.TABLE, PART, {}, None, None, True],
        [nodes.TABLE, "river._river_rust.vectordict.VectorDict", {"a": "text"}, None, None, True],
        [nodes.TABLE, "river._river_rust.vectordict.VectorDict", {}, 7, None, True],
        [nodes.MAPPING, "defaultdict", 7, {}],
        [nodes.MAPPING, "Counter", [nodes.TYPE, "builtins.int"], {}],
        [nodes.MAPPING, "UserDict", None, {}],
        [nodes.PAIRS, 1],
        [nodes.PAIRS, [nodes.LIST], 1],
        [nodes.SET, [nodes.LIST]],
        [nodes.ROWS, 2],
        [nodes.ROWS, 0],
        [nodes.REF, 7],
        [nodes.REF, "0"],
        [nodes.REF, 1],
        [nodes.OBJECT, 1, 1],
        [nodes.SHAPE, PART, []],
        [nodes.ARRAY, "|O", [1], "C", bytes(8)],
        [nodes.ARRAY, "<f8", [2], "C", bytes(8)],
        [nodes.ARRAY, "<f8", [-1], "C", bytes(8)],
        [nodes.ARRAY, "<f8", [1] * 9, "C", bytes(8)],
        [nodes.ARRAY, "<f8", [True], "C", b""],
        [nodes.ARRAY, "<f8", [1 << 62, 1 << 62], "C", b""],
        [nodes.NUMPY_SCALAR, "<f8", bytes(16)],
        [nodes.RANDOM, 3, bytes(2496), 700, None],
        [nodes.RANDOM, 3, bytes(8), 0, None],
        [nodes.BIT_GENERATOR, "os.system", {}],
        [nodes.BIT_GENERATOR, "PCG64", {"state": 1}],
        [nodes.GENERATOR, 3],
        [nodes.DATE, 0],
        [nodes.DATETIME, 2020, 13, 1, 0, 0, 0, 0, 0, None],
        [nodes.BYTEARRAY, 1 << 40],
        [nodes.ITERATOR, "text", 0],
        [nodes.DEQUE, -1],
        [200],
        [],
        [[]],
        [None],
    ],
    ids=str,
)
def test_a_node_that_no_encoder_writes_is_refused(value: Any) -> None:
    refused(*holding(value), [nodes.ROW_UNIT, [nodes.ROWS, 2]])


@pytest.mark.parametrize(
    "shape",
    [
        [nodes.SHAPE, "os.system", ["value"]],
        [nodes.SHAPE, "builtins.dict", ["value"]],
        [nodes.SHAPE, "builtins.int", ["value"]],
        [nodes.SHAPE, "river._river_rust.stats.RsQuantile", ["value"]],
        [nodes.SHAPE, "river._river_rust.vectordict.VectorDict", ["value"]],
        [nodes.SHAPE, f"{Colour.__module__}.Colour", ["value"]],
        [nodes.SHAPE, f"{Point.__module__}.Point", ["value"]],
        [nodes.SHAPE, f"{Metres.__module__}.Metres", ["value"]],
        [nodes.SHAPE, PART, ["__class__"]],
        [nodes.SHAPE, PART, ["__deepcopy__"]],
        [nodes.SHAPE, PART, ["value", "other"]],
        [nodes.SHAPE, PART, [1]],
        [nodes.SHAPE, PART, 1],
        [nodes.SHAPE, PART],
        [nodes.LIST, PART, ["value"]],
    ],
    ids=str,
)
def test_a_shape_that_no_encoder_writes_is_refused(shape: Any) -> None:
    refused([nodes.OBJECT, 1, 1.0], shape)


def test_an_attribute_cannot_be_given_twice() -> None:
    refused([nodes.OBJECT, 1, 1.0, 2.0], [nodes.SHAPE, PART, ["value", "value"]])


def test_rows_cannot_be_multiplied() -> None:
    rows = [nodes.ROW_UNIT, {f"k{i}": i for i in range(16)}]

    refused([nodes.ROWS, *[1] * 1000], rows)
    refused([nodes.ROWS, 1], [nodes.ROW_UNIT, [nodes.ROWS, 2, 3]], rows, rows)


def test_endless_nesting_is_refused() -> None:
    nested: Any = [nodes.LIST]
    deep = b"\x92\x03" * 100_000 + b"\xc0"
    for _ in range(300):
        nested = [nodes.TUPLE, nested]

    with pytest.raises(InvalidInput):
        GraphDecoder(allow_list()).decode(State({0: deep}))
    refused([nodes.PARTIAL, nested, {}])


@pytest.mark.parametrize(
    "payload", [b"", b"\xc1", b"\xdd\xff\xff\xff\xff", b"\xd6\xff\x00\x00\x00\x01", b"\xc0", b"\x01"]
)
def test_a_payload_that_is_no_unit_is_refused(payload: bytes) -> None:
    with pytest.raises(InvalidInput):
        GraphDecoder(allow_list()).decode(State({0: payload}))


def test_a_state_without_units_is_refused() -> None:
    with pytest.raises(InvalidInput):
        GraphDecoder(allow_list()).decode(State({}))


def test_a_missing_trainer_unit_is_refused_where_the_trainer_side_is_there() -> None:
    whole = State(
        {0: pack([nodes.OBJECT, 1, [nodes.TRAINER_REF, 9]]), 1: pack([nodes.SHAPE, PART, ["value"]])},
        {5: b"\x91\x03"},
    )

    with pytest.raises(InvalidInput):
        GraphDecoder(allow_list()).decode(whole)
    assert GraphDecoder(allow_list()).decode(State(whole.serving)).value is None


def test_a_delta_with_other_bytes_than_its_root_says_is_not_used() -> None:
    root = Part(value=1)
    encoder = GraphEncoder(allow_list())
    first = encoder.encode(root)
    graph = LiveGraph(GraphDecoder(allow_list()), first.serving.changed, encoder.roots()[0])
    forged = SideDelta({0: first.serving.changed[0].replace(b"\x01\x01", b"\x01\x02")})

    with pytest.raises(DigestMismatch):
        graph.updated(forged, encoder.roots()[0])
    with pytest.raises(InvalidInput):
        graph.updated(SideDelta({0: b"\xc0"}), HashTree({**first.serving.changed, 0: b"\xc0"}).root)

    assert graph.root.value == 1
    assert graph.serving_root == encoder.roots()[0]


def learned_states() -> list[State]:
    """States of models that hold every node kind between them."""
    models = [
        preprocessing.StandardScaler() | linear_model.LogisticRegression(),
        tree.HoeffdingTreeClassifier(grace_period=5, delta=0.5),
        ensemble.BaggingClassifier(compose.Select("a") | linear_model.Perceptron(), n_models=2, seed=1),
    ]
    states = []
    for model in models:
        for index in range(40):
            model.learn_one({"a": index % 7 / 7, "b": index % 3}, index % 2 == 0)
        encoder = GraphEncoder(allow_list())
        encoder.encode(Part(model=model, extra=stats.Quantile(0.5), big={f"k{i}": 1.0 for i in range(70)}))
        states.append(encoder.state())
    return states


STATES = learned_states()


def only_invalid_input(state: State) -> None:
    """Decoding opens nothing, compiles nothing and starts nothing."""
    with watched() as events, contextlib.suppress(InvalidInput):
        GraphDecoder(allow_list()).restore(state)
    assert not events


fuzzed = settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)


@fuzzed
@given(data=st.data())
def test_flipped_bytes_give_an_object_or_invalid_input(data: st.DataObject) -> None:
    state = data.draw(st.sampled_from(STATES))
    number = data.draw(st.sampled_from(sorted(state.serving)))
    payload = bytearray(state.serving[number])
    for _ in range(data.draw(st.integers(1, 4))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))

    only_invalid_input(State({**state.serving, number: bytes(payload)}, state.trainer, state.next_unit))


ATOMS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 200)
    | st.floats()
    | st.text(max_size=4)
    | st.binary(max_size=9)
)
NAMES = st.sampled_from(
    [PART, "builtins.int", "river._river_rust.vectordict.VectorDict", "defaultdict", "double"]
)
NODES = st.recursive(
    ATOMS | NAMES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(ATOMS, inner, max_size=3)
        | st.tuples(st.integers(0, 42), inner, inner).map(list)
        | st.tuples(st.integers(0, 42), NAMES, inner, inner).map(list)
    ),
    max_leaves=12,
)


@fuzzed
@given(units=st.lists(NODES, min_size=1, max_size=5))
def test_random_nodes_give_an_object_or_invalid_input(units: list[Any]) -> None:
    shape = [nodes.SHAPE, PART, ["value"]]

    only_invalid_input(state_of([nodes.OBJECT, 1, [nodes.REF, 2]], shape, *units))
