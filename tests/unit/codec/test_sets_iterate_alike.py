"""The order in which a set iterates reaches answers of River; all processes of one hash seed have it alike.

Whole numbers stand for labels here: they are hashed alike under every seed, and multiples of eight meet in
small sets, which then iterate in the order in which they were filled.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from river import neighbors, tree

from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.graph_encoder import GraphEncoder
from riverrun.codec.live_graph import LiveGraph
from riverrun.core.units import State
from riverrun.learners.river_allow_list import river_allow_list
from tests.unit.codec.parts import Part, allow_list


class Labels(set[int]):
    """A set with attributes of its own."""


def change(members: set[int], source: random.Random) -> None:
    """Add and take away a few members; equal sets change alike by equal sources."""
    for _ in range(source.randrange(30)):
        member = 8 * source.randrange(40)
        members.add(member) if source.random() < 0.6 else members.discard(member)


@pytest.mark.parametrize("kind", [set, Labels])
@pytest.mark.parametrize("seed", range(10))
def test_trainer_restored_trainer_and_reader_iterate_in_one_order(seed: int, kind: type[set[int]]) -> None:
    source = random.Random(seed)
    allow = allow_list().with_types([Labels])
    root = Part(members=kind(), copies=1)
    encoder = GraphEncoder(allow)
    first = encoder.encode(root)
    twin, twin_encoder = GraphDecoder(allow).restore(encoder.state())
    reader = LiveGraph(GraphDecoder(allow), first.serving.changed, encoder.roots()[0])

    for _ in range(20):
        lot = source.random()
        change(root.members, random.Random(lot))
        change(twin.members, random.Random(lot))
        delta = encoder.encode(root)
        assert twin_encoder.encode(twin) == delta
        reader = reader.updated(delta.serving, encoder.roots()[0])
        anew = GraphDecoder(allow).decode(State(encoder.state().serving))
        assert list(root.members) == list(twin.members) == list(reader.root.members) == list(anew.members)


def test_a_set_that_is_written_stays_the_one_it_is_and_keeps_its_members() -> None:
    members = {16, 8, 0, "text", None, 1.5}
    root = Part(first=members, second=[members])

    GraphEncoder(allow_list()).encode(root)

    assert root.first is root.second[0] is members
    assert members == {16, 8, 0, "text", None, 1.5}


@pytest.mark.parametrize(
    "make",
    [
        lambda: neighbors.KNNClassifier(n_neighbors=6, weighted=False),
        lambda: tree.HoeffdingAdaptiveTreeClassifier(grace_period=20, delta=0.1, seed=7),
    ],
    ids=["KNN", "HoeffdingAdaptiveTree"],
)
def test_ties_and_last_bits_are_the_trainers_own(make: Any) -> None:
    source = random.Random(1)
    model = make()
    encoder = GraphEncoder(river_allow_list())
    encoder.encode(model)
    for _ in range(150):
        row = {name: source.gauss(0, 1) for name in "abc"}
        model.learn_one(row, 8 * (3 - min(3, int(abs(row["a"] - row["b"])))))
    encoder.encode(model)

    twin = GraphDecoder(river_allow_list()).decode(encoder.state())

    for _ in range(100):
        row = {name: source.gauss(0, 1) for name in "abc"}
        assert repr(twin.predict_proba_one(row)) == repr(model.predict_proba_one(row))
        assert twin.predict_one(row) == model.predict_one(row)
