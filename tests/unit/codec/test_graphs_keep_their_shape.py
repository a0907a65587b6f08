"""Sharing, cycles, depth, numbers and sides of object graphs, over many deltas."""

from __future__ import annotations

import random
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import numpy as np
import pytest
from river.utils import VectorDict

from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.graph_encoder import GraphEncoder
from riverrun.codec.row_table import ROWS_PER_UNIT
from riverrun.core.digest import HashTree
from riverrun.core.errors import InvalidInput
from riverrun.core.units import EMPTY, State
from tests.unit.codec.parts import Key, Part, allow_list, round_trip


@pytest.mark.parametrize(
    "shared", [[1], {"a": 1}, {1}, deque([1]), bytearray(b"x"), np.ones(3), Part(), VectorDict()]
)
def test_one_thing_seen_from_two_places_stays_one(shared: Any) -> None:
    restored = round_trip(Part(first=shared, second=[shared], third=Part(inner=(shared,))))

    assert restored.second[0] is restored.first
    assert restored.third.inner[0] is restored.first
    assert type(restored.first) is type(shared)


def test_equal_things_that_are_two_stay_two() -> None:
    restored = round_trip(Part(first=[1], second=[1]))

    restored.first.append(2)

    assert restored.second == [1]


def test_cycles_of_every_kind_come_back() -> None:
    root = Part()
    root.me = root
    root.items = [root]
    root.items.append(root.items)
    root.table = {"table": None, "tuple": (root, [])}
    root.table["table"] = root.table
    root.factory = defaultdict(root.double)

    restored = round_trip(root)

    assert restored.me is restored
    assert restored.items[0] is restored
    assert restored.items[1] is restored.items
    assert restored.table["table"] is restored.table
    assert restored.table["tuple"][0] is restored
    assert restored.factory.default_factory.__self__ is restored


def test_depth_costs_no_stack() -> None:
    chain = None
    for depth in range(20_000):
        chain = Part(depth=depth, below=chain)
    lists: list[Any] = []
    for _ in range(20_000):
        lists = [lists]

    restored = round_trip(Part(chain=chain, lists=lists))

    depth = 0
    while restored.lists:
        restored.lists, depth = restored.lists[0], depth + 1
    assert depth == 20_000
    assert restored.chain.depth == 19_999


def test_a_key_that_is_hashed_by_its_state_is_hashed_after_it_has_it() -> None:
    key = Key("a")
    restored = round_trip(Part(key=key, table={key: 1, "plain": 2}, members={key}))

    assert restored.table[Key("a")] == 1
    assert list(restored.table) == [restored.key, "plain"]
    assert Key("a") in restored.members


def test_only_what_changed_is_in_a_delta() -> None:
    root = Part(still=Part(value=1), moving=Part(value=1))
    encoder = GraphEncoder(allow_list())
    encoder.encode(root)

    root.moving.value = 2
    delta = encoder.encode(root)

    assert len(delta.serving.changed) == 1
    assert not encoder.encode(root)


def test_zero_and_minus_zero_differ() -> None:
    root = Part(value=0.0, table={f"f{i}": 0.0 for i in range(200)})
    encoder = GraphEncoder(allow_list())
    encoder.encode(root)

    root.value = -0.0
    root.table["f7"] = -0.0

    assert len(encoder.encode(root).serving.changed) == 2


def test_a_container_that_comes_to_be_shared_becomes_a_unit_and_stays_one() -> None:
    root = Part(first=[1], second=None)
    encoder = GraphEncoder(allow_list())
    before = encoder.encode(root)

    root.second = root.first
    shared = encoder.encode(root)
    root.second = None
    unshared = encoder.encode(root)

    (number,) = shared.serving.changed.keys() - before.serving.changed.keys()
    assert not unshared.serving.dropped
    assert number in encoder.state().serving
    assert round_trip(root).first == [1]


def test_numbers_are_never_used_again() -> None:
    root = Part(child=None)
    encoder = GraphEncoder(allow_list())
    encoder.encode(root)

    for value in range(50):
        before = encoder.state()
        root.child = Part(value=value)
        delta = encoder.encode(root)
        fresh = delta.serving.changed.keys() - before.serving.keys()
        assert fresh
        assert min(fresh) >= before.next_unit
        assert delta.next_unit > max(fresh)
        assert value == 0 or delta.serving.dropped

    assert len(encoder.state().serving) == 4


def test_what_only_the_trainer_reads_is_on_its_side_alone() -> None:
    rng = random.Random(0)
    root = Part(weights={"a": 1.0}, for_trainer=Part(rng=rng, history=[1] * 100))
    encoder = GraphEncoder(allow_list())
    delta = encoder.encode(root)

    serving_only = GraphDecoder(allow_list()).decode(State(delta.serving.changed))

    assert serving_only.for_trainer is None
    assert serving_only.weights == {"a": 1.0}
    assert len(delta.trainer.changed) == 4
    assert round_trip(root).for_trainer.history == [1] * 100


def test_what_serving_reads_too_is_on_its_side() -> None:
    shared = Part(value=1)
    root = Part(shared=shared, for_trainer=[shared])
    encoder = GraphEncoder(allow_list())
    encoder.encode(root)

    both = encoder.state()
    root.shared = None
    moved = encoder.encode(root)
    numbers = moved.serving.dropped & moved.trainer.changed.keys()
    assert len(numbers) == 2, "the object and its shape"
    assert numbers <= encoder.state().trainer.keys()

    root.shared = shared
    back = encoder.encode(root)
    assert numbers <= back.serving.changed.keys()
    assert numbers <= back.trainer.dropped
    assert EMPTY.apply(both.as_snapshot()).apply(moved).apply(back) == encoder.state()


@pytest.mark.parametrize("kind", [dict, OrderedDict, Counter, lambda e: defaultdict(int, e), VectorDict])
def test_a_changed_entry_does_not_resend_the_table(kind: Any) -> None:
    root = Part(table=kind({f"feature-{i}": i for i in range(5000)}))
    encoder = GraphEncoder(allow_list())
    encoder.encode(root)

    root.table["feature-777"] = -1
    delta = encoder.encode(root)

    ((number, payload),) = delta.serving.changed.items()
    assert number != 0
    assert len(payload) < 30 * ROWS_PER_UNIT
    assert list(round_trip(root).table.items()) == list(root.table.items())


@pytest.mark.parametrize("seed", range(8))
def test_tables_under_any_changes_stay_the_table_and_survive_a_restart(seed: int) -> None:
    source = random.Random(seed)
    root = Part(table=OrderedDict((f"k{i}", float(i)) for i in range(100)), objects={})
    encoder = GraphEncoder(allow_list())
    state = EMPTY.apply(encoder.encode(root))
    twin, twin_encoder = GraphDecoder(allow_list()).restore(state)

    for step in range(40):
        change = source.randrange(5)
        name = f"k{source.randrange(120)}"
        for model in (root, twin):
            table = model.table
            if change == 0:
                table[name] = float(step)
            elif change == 1:
                table.pop(name, None)
            elif change == 2 and name in table:
                table.move_to_end(name, last=step % 2 == 0)
            elif change == 3:
                model.objects[name] = Part(inner=[step])
            else:
                for key in list(table)[: step % 20]:
                    del table[key]
        delta = encoder.encode(root)
        assert twin_encoder.encode(twin) == delta
        state = state.apply(delta)
        decoded = GraphDecoder(allow_list()).decode(state)
        assert list(decoded.table.items()) == list(root.table.items())
        assert list(decoded.objects) == list(root.objects)
        if step % 10 == 9:
            twin, twin_encoder = GraphDecoder(allow_list()).restore(state)

    assert state == encoder.state()
    assert encoder.roots() == (HashTree(state.serving).root, HashTree(state.trainer).root)


def test_a_refused_change_is_told_by_the_next_delta_once_it_is_gone() -> None:
    root = Part(child=Part(value=1), bad=None)
    encoder = GraphEncoder(allow_list())
    state = EMPTY.apply(encoder.encode(root))

    root.child.value = 2
    root.bad = lambda: None
    with pytest.raises(InvalidInput, match=r"model\.bad"):
        encoder.encode(root)
    root.bad = None
    state = state.apply(encoder.encode(root))

    assert GraphDecoder(allow_list()).decode(state).child.value == 2
    assert state == encoder.state()


def test_a_long_integer_in_a_table_does_not_resend_the_table() -> None:
    root = Part(table={f"k{i}": i for i in range(200)} | {"long": 1 << 90})
    encoder = GraphEncoder(allow_list())
    encoder.encode(root)

    root.table["k199"] = -1

    assert len(encoder.encode(root).serving.changed) == 1
    assert round_trip(root).table == root.table


def test_an_encoder_follows_one_root() -> None:
    encoder = GraphEncoder(allow_list())
    encoder.encode(Part())

    with pytest.raises(InvalidInput, match="root"):
        encoder.encode(Part())
