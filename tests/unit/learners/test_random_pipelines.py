"""Random pipelines on random streams: trainer, restored trainer and reader are one model at every version.

A case is its number. To run number 7 again:
``pytest 'tests/unit/learners/test_random_pipelines.py::test_all_sides_are_one_model[7]'``.
"""

from __future__ import annotations

import pytest

from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.graph_encoder import GraphEncoder
from riverrun.core.digest import HashTree
from riverrun.core.errors import InvalidInput, NotReady
from riverrun.core.predictions import Features, Label
from riverrun.core.spec.model_spec import ModelSpec
from riverrun.core.units import EMPTY, State
from riverrun.learners.build import build_learner, build_predictor, restore_learner
from riverrun.learners.factories import NO_FACTORIES
from riverrun.learners.protocol import Learner, Predictor
from riverrun.learners.river_learner import RiverLearner
from riverrun.learners.river_model import allow_list_of
from tests.unit.learners.random_pipelines import Pipeline, random_pipeline

EVENTS = 60
VERSION_EVERY = 12
FEW, MANY = 20, 1_000
TOLD_SOMETHING = (139, 523)
"""Cases that found a fault; they stay in every run."""

ALWAYS = (*range(FEW), *TOLD_SOMETHING)
# Some grow to 100,000 rows, which are walked whole at each version.
_LONG = (pytest.mark.full, pytest.mark.timeout(900))
SELDOM = [pytest.param(seed, marks=_LONG) for seed in range(MANY) if seed not in ALWAYS]


@pytest.mark.usefixtures("generators_have_seeds")
@pytest.mark.parametrize("seed", [*ALWAYS, *SELDOM])
def test_all_sides_are_one_model(seed: int) -> None:
    pipeline = random_pipeline(seed, EVENTS)

    try:
        follow(pipeline)
    except Exception as error:
        error.add_note(f"pipeline {seed}: {pipeline.spec.task} {pipeline.spec.label} {pipeline.spec.model}")
        raise


def follow(pipeline: Pipeline) -> None:
    """Learn the stream of `pipeline` on all sides, and compare them at each version."""
    spec, examples = pipeline.spec, pipeline.examples
    # Its rules have numbers that depend on where they lie in memory.
    repeatable = "rules.AMRules" not in str(spec.model)
    learner = build_learner(spec)
    state = EMPTY.apply(learner.changes())
    reader = build_predictor(spec, dict(state.serving), learner.roots()[0])
    twin = restored(spec, state)

    for version, start in enumerate(range(0, len(examples), VERSION_EVERY)):
        for row, label in examples[start : start + VERSION_EVERY]:
            assert answer(twin, row) == answer(learner, row)
            assert refusal(twin, row, label) == refusal(learner, row, label)
        delta = learner.changes()
        state = state.apply(delta)
        assert learner.state() == state
        assert learner.roots() == (HashTree(state.serving).root, HashTree(state.trainer).root)
        told = twin.changes()
        assert not repeatable or (told, twin.roots()) == (delta, learner.roots())
        assert_state_is_all_there_is(learner, spec, state)
        if version % 2:
            twin = restored(spec, state)
        reader = reader.updated(delta.serving, learner.roots()[0])
        for row, _ in examples[start : start + 6]:
            answered = answer(learner, row)
            assert answer(reader, row) == answered
            assert answer(twin, row) == answered


def restored(spec: ModelSpec, state: State) -> Learner:
    """A learner that goes on from `state`, in which it finds nothing changed."""
    learner = restore_learner(spec, state)
    assert not learner.changes()
    return learner


def assert_state_is_all_there_is(learner: Learner, spec: ModelSpec, state: State) -> None:
    """What `state` decodes to is written as the live model is by an encoder that knows of neither."""
    assert isinstance(learner, RiverLearner)
    allow = allow_list_of(spec, NO_FACTORIES)
    decoded = GraphDecoder(allow).decode(state)
    assert GraphEncoder(allow).encode(decoded) == GraphEncoder(allow).encode(learner._root)
    assert learner.missed_changes == 0


def answer(model: Learner | Predictor, row: Features) -> str:
    """The answer with all its bits, or why there is none."""
    try:
        return repr(model.predict(row))
    except (InvalidInput, NotReady) as refused:
        return str(refused)


def refusal(learner: Learner, row: Features, label: Label) -> str | None:
    """Have `learner` learn the example; why it does not, if so."""
    try:
        learner.learn([row], [label], [1.0])
    except InvalidInput as refused:
        return str(refused)
    return None
