"""An encoder that looks only where marks say finds what one that looks everywhere finds."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from river import forest, tree
from river.tree.nodes.leaf import HTLeaf

from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.graph_encoder import AUDITED_UNITS, GraphEncoder
from riverrun.codec.touch_marks import TouchMarks
from riverrun.codec.unit_table import ObjectUnit
from riverrun.core.units import Delta, State
from riverrun.learners.river_allow_list import river_allow_list
from riverrun.learners.river_marks import collecting, river_marks
from tests.unit.codec.families import FAMILIES, Family, numeric
from tests.unit.codec.parts import Part, Slotted, allow_list

VERSION_EVERY = 9
VERSIONS_BETWEEN_RESTARTS = 11

UNITS_PER_EVENT = 300
"""A full walk costs what the model's size is: events between two of them grow with it."""

LONG_EVENTS = 50_000
LONG_VERSION_EVERY = 10
UNITS_PER_LONG_EVENT = 40

pytestmark = pytest.mark.usefixtures("generators_have_seeds")


class Trainer:
    """A model that learns, and the encoder that looks where its marks say."""

    def __init__(self, model: Any, encoder: GraphEncoder, marks: TouchMarks) -> None:
        self.model = model
        self.encoder = encoder
        self.marks = marks

    @classmethod
    def fresh(cls, model: Any) -> Trainer:
        marks = river_marks()
        return cls(model, GraphEncoder(river_allow_list(), marks), marks)

    @classmethod
    def restored(cls, state: State) -> Trainer:
        marks = river_marks()
        model, encoder = GraphDecoder(river_allow_list()).restore(state, marks)
        return cls(model, encoder, marks)

    def learn(self, row: dict[str, Any], label: Any) -> None:
        with collecting(self.marks):
            self.model.learn_one(dict(row), label)

    def delta(self) -> Delta:
        return self.encoder.encode(self.model)


def follow(family: Family, events: int, until_next: Callable[[int], int]) -> int:
    """Learn `events`. At every version what marks tell is what a full walk tells, restarted or not.

    `until_next` has the events between two versions, by the number of units. Returns how many versions.
    """
    trainer = Trainer.fresh(family.make())
    everywhere = GraphEncoder(river_allow_list())
    restarted: Trainer | None = None
    versions, due = 0, until_next(0)
    for count, (row, label) in enumerate(family.stream(events), start=1):
        trainer.learn(row, label)
        if restarted is not None:
            restarted.learn(row, label)
        if count == due:
            versions += 1
            delta = trainer.delta()
            assert delta == everywhere.encode(trainer.model)
            assert trainer.encoder.roots() == everywhere.roots()
            if restarted is not None:
                assert restarted.delta() == delta
            state = trainer.encoder.state()
            if family.repeatable and versions % VERSIONS_BETWEEN_RESTARTS == 0:
                restarted = Trainer.restored(state)
            due += until_next(len(state.serving) + len(state.trainer))
    assert trainer.marks.missed == 0
    return versions


@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_marks_and_a_full_walk_tell_the_same_at_every_version(family: Family) -> None:
    versions = follow(family, family.events, lambda units: VERSION_EVERY + units // UNITS_PER_EVENT)

    assert versions * 3 * VERSION_EVERY > family.events


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("family", FAMILIES, ids=str)
def test_marks_and_a_full_walk_tell_the_same_over_long_streams(family: Family) -> None:
    versions = follow(family, LONG_EVENTS, lambda units: LONG_VERSION_EVERY + units // UNITS_PER_LONG_EVENT)

    print(f"{family}: {versions} versions compared")
    assert versions > 20


def test_what_is_looked_at_does_not_grow_with_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []
    write = GraphEncoder._write

    def counting(encoder: GraphEncoder, unit: ObjectUnit) -> None:
        looked_at[-1] += 1
        write(encoder, unit)

    monkeypatch.setattr(GraphEncoder, "_write", counting)
    trainer = Trainer.fresh(forest.AMFClassifier(n_estimators=3, seed=1))
    for count, (row, label) in enumerate(numeric(800)):
        trainer.learn(row, label)
        if count % 20 == 0:
            looked_at.append(0)
            trainer.delta()

    assert len(trainer.encoder.state().serving) > 1_500
    assert max(looked_at[-10:]) < 800


def test_the_audit_counts_and_heals_what_no_mark_told_of() -> None:
    trainer = Trainer.fresh(tree.HoeffdingTreeClassifier(grace_period=30, tau=0.1))
    for row, label in numeric(400):
        trainer.learn(row, label)
    trainer.delta()
    missed = next(trainer.model._root.iter_leaves())
    missed.depth = 77

    versions = 0
    while trainer.marks.missed == 0:
        trainer.delta()
        versions += 1
        assert versions < 100

    healed = GraphDecoder(river_allow_list()).decode(trainer.encoder.state())
    assert next(healed._root.iter_leaves()).depth == 77
    assert GraphEncoder(river_allow_list()).encode(healed) == GraphEncoder(river_allow_list()).encode(
        GraphDecoder(river_allow_list()).decode(trainer.encoder.state())
    )
    trainer.delta()
    assert trainer.marks.missed == 1


def test_untouched_parts_wait_and_touched_ones_are_told() -> None:
    marks = TouchMarks(frozenset({Slotted}))
    root, part = Part(), Slotted()
    part.left, part.right = 1, Part(inner=1)  # type: ignore[attr-defined]
    root.part = part  # type: ignore[attr-defined]
    root.many = [Part(number=i) for i in range(2 * AUDITED_UNITS)]  # type: ignore[attr-defined]
    encoder = GraphEncoder(allow_list(), marks)
    encoder.encode(root)

    part.left = 2  # type: ignore[attr-defined]
    marks.touch(part)

    assert len(encoder.encode(root).serving.changed) == 1
    assert not encoder.encode(root)


def test_a_part_that_moves_out_from_below_untouched_ones_is_looked_at() -> None:
    marks = TouchMarks(frozenset({Slotted}))
    root, part, inner = Part(), Slotted(), Part(value=1)
    part.left = inner  # type: ignore[attr-defined]
    root.part = part  # type: ignore[attr-defined]
    encoder = GraphEncoder(allow_list(), marks)
    encoder.encode(root)

    root.also = inner  # type: ignore[attr-defined]
    inner.value = 2  # type: ignore[attr-defined]
    encoder.encode(root)

    decoded = GraphDecoder(allow_list()).decode(encoder.state())
    assert decoded.also is decoded.part.left
    assert decoded.also.value == 2
    assert marks.missed == 0


def test_marked_trees_do_not_change_when_they_answer() -> None:
    # Forests ask each tree before they decide whether it learns the example.
    trainer = Trainer.fresh(tree.HoeffdingTreeClassifier(leaf_prediction="nb"))
    everywhere = GraphEncoder(river_allow_list())
    trainer.learn({"colour": "red"}, 0)
    trainer.learn({"x": 1.0}, 1)
    trainer.delta()
    everywhere.encode(trainer.model)

    trainer.model.predict_proba_one({"colour": "red", "x": 1.0})

    assert not trainer.delta()
    assert not everywhere.encode(trainer.model)


def test_wrapped_methods_still_look_like_rivers_own() -> None:
    river_marks()

    assert inspect.signature(HTLeaf.learn_one).parameters.keys() >= {"x", "y", "w", "tree"}
    assert HTLeaf.learn_one.__qualname__ == "HTLeaf.learn_one"


def test_a_model_outside_of_collecting_marks_nothing() -> None:
    marks = river_marks()
    model = tree.HoeffdingTreeClassifier()
    other = river_marks()
    with collecting(marks):
        model.learn_one({"x": 1.0}, 1)
        with collecting(other):
            pass
    model.learn_one({"x": 2.0}, 0)

    assert model._root in marks.take()
    assert not other.take()
    assert not marks.take()
