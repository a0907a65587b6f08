"""What a trainer keeps beside its learner: in numbers of its own, committed and taken apart again."""

from __future__ import annotations

import pytest
from riverrun_trainer.state_parts import StateParts

from riverrun.core.digest import HashTree
from riverrun.core.errors import InvalidInput
from riverrun.core.parts import PARTS_END, PARTS_START, Part, units_of, without_parts
from riverrun.core.spec import parse_spec
from riverrun.core.units import EMPTY, SideDelta, State
from riverrun.learners.build import build_learner, live_model, restore_learner
from riverrun.learners.protocol import Learner

SPEC = parse_spec(
    "{name: toy, task: regression, model: [linear_model.LinearRegression], "
    "features: {x: float}, metrics: [MAE]}"
)


class Counting:
    """A part of one unit that counts, and of one that comes and goes."""

    def __init__(self) -> None:
        self.count = 0
        self._delta = SideDelta()

    def tell(self, delta: SideDelta) -> None:
        self._delta = delta

    def changes(self) -> SideDelta:
        delta, self._delta = self._delta, SideDelta()
        return delta


def learn(learner: Learner, x: float) -> None:
    learner.score({"x": x}, 2.0, learner.predict({"x": x}))
    learner.learn([{"x": x}], [2.0], [1.0])


def test_without_units_of_parts_a_state_is_the_learners_own() -> None:
    learner, twin = build_learner(SPEC), build_learner(SPEC)
    parts = StateParts(learner, {Part.JOIN: Counting()})
    learn(learner, 1.0)
    learn(twin, 1.0)

    delta, roots = parts.changes()

    assert delta == twin.changes()
    assert roots == twin.roots()


def test_parts_travel_on_the_trainer_side_and_are_taken_apart_again() -> None:
    learner, part = build_learner(SPEC), Counting()
    parts = StateParts(learner, {Part.JOIN: part})
    state = EMPTY
    for step in range(3):
        learn(learner, float(step))
        part.tell(SideDelta({0: b"%d" % step, step + 1: b"x"}, frozenset({step} if step else ())))
        delta, roots = parts.changes()
        state = state.apply(delta)

        assert roots == (HashTree(state.serving).root, HashTree(state.trainer).root)

    own, beside = without_parts(state)

    assert units_of(Part.JOIN, beside) == {0: b"2", 3: b"x"}
    assert own.next_unit == learner.state().next_unit < PARTS_START
    assert own == learner.state()
    assert state.next_unit == PARTS_END
    assert not any(number >= PARTS_START for number in state.serving)


def test_a_restored_trainer_goes_on_with_the_same_roots() -> None:
    learner, part = build_learner(SPEC), Counting()
    parts = StateParts(learner, {Part.JOIN: part})
    learn(learner, 1.0)
    part.tell(SideDelta({0: b"first"}))
    delta, _ = parts.changes()
    own, beside = without_parts(EMPTY.apply(delta))

    again = restore_learner(SPEC, own)
    restored = StateParts(again, {}, beside)

    assert restored.roots() == parts.roots()
    learn(learner, 2.0)
    learn(again, 2.0)
    assert restored.changes() == parts.changes()


def test_an_object_is_loaded_from_a_state_with_parts() -> None:
    learner, part = build_learner(SPEC), Counting()
    parts = StateParts(learner, {Part.JOIN: part})
    learn(learner, 1.0)
    part.tell(SideDelta({0: b"first"}))
    delta, roots = parts.changes()

    found = live_model(SPEC, EMPTY.apply(delta), roots)

    assert found.predict_one({"x": 1.0}) == learner.predict({"x": 1.0}).value


def test_parts_without_their_head_are_refused() -> None:
    with pytest.raises(InvalidInput, match="head of its parts"):
        without_parts(State({}, {PARTS_START * 2: b"x"}, PARTS_END))
