"""A learner publishes what its marks tell, and says when they told too little."""

from __future__ import annotations

import random
from typing import Any

import pytest

from riverrun.core.errors import InvalidInput
from riverrun.core.spec import parse_spec
from riverrun.core.units import EMPTY
from riverrun.learners.build import build_predictor, restore_learner
from riverrun.learners.factories import Factories
from riverrun.learners.river_learner import RiverLearner

SPEC = parse_spec(
    "{name: a, task: binary, model: {tree.HoeffdingTreeClassifier: {grace_period: 20, tau: 0.2}}, "
    "metrics: [Accuracy]}"
)


def learn(learner: RiverLearner, events: int, seed: int) -> None:
    source = random.Random(seed)
    for _ in range(events):
        row = {"x": source.random(), "y": source.random()}
        learner.learn([row], [row["x"] > row["y"]], [1.0])


def trained() -> RiverLearner:
    learner = RiverLearner(SPEC, Factories())
    learn(learner, 200, seed=1)
    learner.changes()
    return learner


def test_what_a_learner_publishes_makes_its_state_at_every_version() -> None:
    learner, state = RiverLearner(SPEC, Factories()), EMPTY
    for seed in range(20):
        learn(learner, 10, seed)
        state = state.apply(learner.changes())

        assert state == learner.state()
        assert restore_learner(SPEC, state).roots() == learner.roots()
    row = {"x": 0.2, "y": 0.7}
    answer = build_predictor(SPEC, state.serving, learner.roots()[0]).predict(row)
    assert answer == learner.predict(row)
    assert learner.missed_changes == 0


def test_a_change_that_nothing_told_of_is_counted_and_published() -> None:
    learner = trained()
    # After a start all is looked at once, told of or not.
    learner.changes()
    leaf: Any = next(learner._root.model._root.iter_leaves())
    leaf.stats["planted"] = 1.0

    for _ in range(100):
        learner.changes()
        if learner.missed_changes:
            break

    assert learner.missed_changes == 1
    assert any(b"planted" in unit for unit in learner.state().serving.values())


def test_a_refused_example_leaves_no_mark_that_matters() -> None:
    learner, other = trained(), trained()
    with pytest.raises(InvalidInput):
        learner.learn([{"x": [], "y": 1.0}], [True], [1.0])  # type: ignore[dict-item]

    for one in (learner, other):
        learn(one, 30, seed=3)
        one.changes()

    # The trainer sides differ: River seeds the generators of new distributions from the operating system.
    assert learner.roots()[0] == other.roots()[0]
