"""Every estimator of River as versions: answers and further learning are bit-identical on both sides.

Not covered: estimators that ask for a newer Python or for libraries that are not installed.
"""

from __future__ import annotations

import random

import numpy as np
import pytest

from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.graph_encoder import GraphEncoder
from riverrun.codec.live_graph import LiveGraph
from riverrun.core.digest import HashTree
from riverrun.core.units import EMPTY, Delta, State
from riverrun.learners.river_allow_list import river_allow_list
from tests.unit.codec.river_zoo import Case, estimator_cases, statistic_cases

WARM_UP = 60
FURTHER = 100
PUBLISH_EVERY = 10

ESTIMATORS = estimator_cases()
STATISTICS = statistic_cases()


def answer(case: Case, model: object, step: tuple[object, ...]) -> str:
    """An answer with every bit of its floats and the types of its numbers.

    Not with the order of a dict: River makes some by iterating over a set, whose order is nobody's promise.
    """
    return repr(in_order(case.answer(model, step)))


def in_order(answered: object) -> object:
    """`answered` with every dict in one order."""
    if isinstance(answered, dict):
        return sorted(((repr(key), in_order(value)) for key, value in answered.items()), key=repr)
    if isinstance(answered, tuple | list):
        return [in_order(value) for value in answered]
    return answered


pytestmark = pytest.mark.usefixtures("generators_have_seeds")


def warmed_up(case: Case) -> tuple[object, list[tuple[object, ...]]]:
    """A model that has learned a little, and the steps that come next."""
    random.seed(0)
    np.random.seed(0)
    model = case.make()
    steps = list(case.steps(WARM_UP + FURTHER))
    for step in steps[:WARM_UP]:
        case.learn(model, step)
    return model, steps[WARM_UP:]


@pytest.mark.parametrize("case", ESTIMATORS + STATISTICS, ids=str)
def test_a_decoded_model_answers_and_learns_on_bit_for_bit(case: Case) -> None:
    model, steps = warmed_up(case)
    encoder = GraphEncoder(river_allow_list())
    encoder.encode(model)

    twin = GraphDecoder(river_allow_list()).decode(encoder.state())

    for step in steps:
        assert answer(case, twin, step) == answer(case, model, step)
        case.learn(model, step)
        case.learn(twin, step)


def written(root: object) -> Delta:
    """All of the graph below `root`; equal graphs are written alike."""
    return GraphEncoder(river_allow_list()).encode(root)


@pytest.mark.parametrize("case", ESTIMATORS, ids=str)
def test_readers_that_follow_deltas_answer_like_the_trainer(case: Case) -> None:
    model, steps = warmed_up(case)
    encoder = GraphEncoder(river_allow_list())
    first = encoder.encode(model)
    reader = LiveGraph(GraphDecoder(river_allow_list()), first.serving.changed, encoder.roots()[0])
    state = EMPTY.apply(first)

    for start in range(0, FURTHER, PUBLISH_EVERY):
        for step in steps[start : start + PUBLISH_EVERY]:
            case.learn(model, step)
        delta = encoder.encode(model)
        reader = reader.updated(delta.serving, encoder.roots()[0])
        state = state.apply(delta)
        anew = GraphDecoder(river_allow_list()).decode(State(state.serving))
        assert written(reader.root) == written(anew)
        answers = [answer(case, reader.root, step) for step in steps[start : start + 3]]
        assert answers == [answer(case, model, step) for step in steps[start : start + 3]]

    assert state == encoder.state()
    assert encoder.roots() == (HashTree(state.serving).root, HashTree(state.trainer).root)


@pytest.mark.parametrize("case", ESTIMATORS + STATISTICS, ids=str)
def test_only_what_is_listed_as_restless_changes_when_it_answers(case: Case) -> None:
    model, steps = warmed_up(case)
    encoder = GraphEncoder(river_allow_list())
    encoder.encode(model)
    reader = GraphDecoder(river_allow_list()).open(dict(encoder.state().serving))
    before = written(reader.root)

    for step in steps[:30]:
        case.answer(reader.root, step)

    assert reader.restless or written(reader.root) == before


@pytest.mark.parametrize("case", ESTIMATORS, ids=str)
def test_a_restored_trainer_writes_the_deltas_of_one_that_never_stopped(case: Case) -> None:
    model, steps = warmed_up(case)
    encoder = GraphEncoder(river_allow_list())
    encoder.encode(model)
    restored, restored_encoder = GraphDecoder(river_allow_list()).restore(encoder.state())
    assert not restored_encoder.encode(restored)

    for start in range(0, FURTHER, PUBLISH_EVERY):
        for step in steps[start : start + PUBLISH_EVERY]:
            case.learn(model, step)
            case.learn(restored, step)
        assert restored_encoder.encode(restored) == encoder.encode(model)
        assert restored_encoder.roots() == encoder.roots()
