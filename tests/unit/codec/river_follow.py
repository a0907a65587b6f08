"""One model on all sides: the trainer, a trainer restored from its state, and a reader of its deltas."""

from __future__ import annotations

import random

import numpy as np

from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.graph_encoder import GraphEncoder
from riverrun.codec.live_graph import LiveGraph
from riverrun.core.digest import HashTree
from riverrun.core.units import EMPTY, Delta, State
from riverrun.learners.river_allow_list import river_allow_list
from tests.unit.codec.river_streams import Step
from tests.unit.codec.river_zoo import Case

WARM_UP = 60
VERSIONS = 5


def follow(case: Case, further: int) -> None:
    """Decode what learned a little, and learn `further` steps on both sides; assert that all answer alike.

    Bit for bit: the trainer, the restored trainer, which also writes the same deltas, and the reader.
    """
    model, steps = warmed_up(case, further)
    encoder = GraphEncoder(river_allow_list())
    first = encoder.encode(model)
    state = EMPTY.apply(first)
    twin, twin_encoder = GraphDecoder(river_allow_list()).restore(state)
    reader = LiveGraph(GraphDecoder(river_allow_list()), first.serving.changed, encoder.roots()[0])
    assert not twin_encoder.encode(twin)

    version_every = further // VERSIONS
    for start in range(0, further, version_every):
        for step in steps[start : start + version_every]:
            assert answer(case, twin, step) == answer(case, model, step)
            case.learn(model, step)
            case.learn(twin, step)
        delta = encoder.encode(model)
        if case.repeatable:
            assert twin_encoder.encode(twin) == delta
            assert twin_encoder.roots() == encoder.roots()
        reader = reader.updated(delta.serving, encoder.roots()[0])
        state = state.apply(delta)
        if start >= further - 2 * version_every:
            # The last version of each of the two graphs that take turns.
            anew = GraphDecoder(river_allow_list()).decode(State(state.serving))
            assert written(reader.root) == written(anew)
        for step in steps[start : start + 3]:
            answered = answer(case, model, step)
            assert answer(case, reader.root, step) == answered
            assert answer(case, twin, step) == answered

    assert state == encoder.state()
    assert encoder.roots() == (HashTree(state.serving).root, HashTree(state.trainer).root)


def answer(case: Case, model: object, step: Step) -> str:
    """An answer with every bit of its floats and the types of its numbers.

    Not with the order of a dict: River makes some by iterating over sets of its own making.
    """
    return repr(in_order(case.answer(model, step)))


def in_order(answered: object) -> object:
    """`answered` with every dict in one order."""
    if isinstance(answered, dict):
        return sorted(((repr(key), in_order(value)) for key, value in answered.items()), key=repr)
    if isinstance(answered, tuple | list):
        return [in_order(value) for value in answered]
    return answered


def warmed_up(case: Case, further: int) -> tuple[object, list[Step]]:
    """A model that has learned a little, and the steps that come next."""
    random.seed(0)
    np.random.seed(0)
    model = case.make()
    steps = list(case.steps(WARM_UP + further))
    for step in steps[:WARM_UP]:
        case.learn(model, step)
    return model, steps[WARM_UP:]


def written(root: object) -> Delta:
    """All of the graph below `root`; equal graphs are written alike."""
    return GraphEncoder(river_allow_list()).encode(root)
