"""Every public class of River as versions: answers and further learning are bit-identical on all sides.

Not covered: classes that ask for a newer Python or for libraries that are not installed.
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
from tests.unit.codec.river_part_cases import part_cases
from tests.unit.codec.river_streams import Step
from tests.unit.codec.river_zoo import NOT_SHOWN, Case, estimator_cases, public_classes

WARM_UP = 60
FEW_STEPS = 100
MANY_STEPS = 500
VERSIONS = 5

CASES = (*estimator_cases(), *part_cases())

pytestmark = pytest.mark.usefixtures("generators_have_seeds")


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


@pytest.mark.parametrize("further", [FEW_STEPS, pytest.param(MANY_STEPS, marks=pytest.mark.full)])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_restored_trainer_and_a_reader_stay_with_the_trainer_bit_for_bit(case: Case, further: int) -> None:
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


@pytest.mark.parametrize("case", CASES, ids=str)
def test_only_what_is_listed_as_restless_changes_when_it_answers(case: Case) -> None:
    model, steps = warmed_up(case, 30)
    encoder = GraphEncoder(river_allow_list())
    encoder.encode(model)
    reader = GraphDecoder(river_allow_list()).open(dict(encoder.state().serving))
    before = written(reader.root)

    for step in steps:
        case.answer(reader.root, step)

    assert reader.restless or written(reader.root) == before


def test_every_public_class_is_shown_here_or_has_a_reason_not_to_be() -> None:
    shown = {case.shows for case in CASES}

    assert shown.isdisjoint(NOT_SHOWN)
    assert shown | NOT_SHOWN.keys() == public_classes().keys()
    assert all(NOT_SHOWN.values())
