"""Learning with River, one example at a time."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.graph_encoder import GraphEncoder
from riverrun.core.errors import InvalidInput
from riverrun.core.predictions import Features, Label, Prediction
from riverrun.core.spec.features import shown
from riverrun.core.spec.model_spec import ModelSpec
from riverrun.core.units import Delta, State
from riverrun.learners.factories import Factories
from riverrun.learners.likeness import check_likeness
from riverrun.learners.river_answers import answers_of, cannot_use
from riverrun.learners.river_builder import build_metrics, build_river_model, last_step
from riverrun.learners.river_generators import seed_quickly
from riverrun.learners.river_marks import collecting, river_marks
from riverrun.learners.river_model import RiverModel, allow_list_of

JOURNAL_LIMIT = 16_384
"""Examples that may be learned again when one is refused half-way; past it a state is taken in between."""

COUNTED_TOGETHER = 256
"""Answers that wait to be taken into the metrics: together they take less time than one by one."""


class RiverLearner:
    """A River model that learns exactly as it would in a plain loop: `learn_one`, in order."""

    batch_size = 1

    def __init__(self, spec: ModelSpec, factories: Factories) -> None:
        seed_quickly()
        self._spec = spec
        self._factories = factories
        self._allow = allow_list_of(spec, factories)
        # Since the last state: row, label, weight (None: judged alone), and whether it was judged.
        self._learned: list[tuple[Features, Label, float | None, bool]] = []
        # Not taken into the metrics yet.
        self._scored: list[tuple[Label, Prediction]] = []
        # What was judged and is not learned yet.
        self._judged: tuple[Features, Label] | None = None
        # What was encoded since the last `changes` call to keep these short, and what that call told.
        self._taken = Delta()
        self._told: tuple[tuple[bytes, bytes], State] | None = None
        self._marks = river_marks()
        self._collecting = collecting(self._marks)
        self._start_afresh()
        learn_one = type(last_step(self._root.model)).learn_one
        self._takes_weight = "w" in inspect.signature(learn_one).parameters

    @classmethod
    def restored(cls, spec: ModelSpec, factories: Factories, state: State) -> RiverLearner:
        """The learner that goes on from `state`. Raises `InvalidInput` where it cannot be decoded."""
        learner = cls(spec, factories)
        learner._go_on(state)
        return learner

    @classmethod
    def adopting(cls, spec: ModelSpec, factories: Factories, model: object) -> RiverLearner:
        """The learner that goes on with `model`, a user's own object, from its first `changes` call on.

        Raises `InvalidInput` naming the first place where it is not built as `spec` declares.
        """
        learner = cls(spec, factories)
        check_likeness(model, learner.model)
        root = RiverModel(model, build_metrics(spec))
        learner._open(root, GraphEncoder(learner._allow, learner._marks))
        return learner

    @property
    def model(self) -> Any:
        """The River object itself."""
        return self._root.model

    def predict(self, features: Features) -> Prediction:
        """Answer for one row with what was learned so far."""
        return self._answers(features)

    def check(self, features: Features, label: Label, weight: float) -> None:
        """Raise `InvalidInput` for a weight or a label that the model does not know what to do with."""
        if weight != 1 and not self._takes_weight:
            name = type(last_step(self._root.model)).__name__
            raise InvalidInput("weight", f"{name} takes no weights; leave it out, or send 1")
        if self._wants_bit and label not in (0, 1):
            raise InvalidInput("label", f"expected 0 or 1, got {shown(label)}")

    def learn(self, rows: Sequence[Features], labels: Sequence[Label], weights: Sequence[float]) -> None:
        """Learn one example. Its row must not be changed until the next `changes` call."""
        (row,), (label,), (weight,) = rows, labels, weights
        self.check(row, label, weight)
        if len(self._learned) >= JOURNAL_LIMIT:
            self._shorten_journal()
        is_judged = self._judged is not None and self._judged[0] is row
        if not is_judged:
            self._note_judged()
        self._judged = None
        try:
            self._learn(row, label, weight)
        except Exception as error:
            self._go_back()
            raise cannot_use(row, error, "learn from") from error
        self._learned.append((row, label, weight, is_judged))

    def score(self, features: Features, label: Label, prediction: Prediction) -> None:
        """Take `prediction`, made before learning `label`, into the metrics."""
        self._note_judged()
        self._scored.append((label, prediction))
        self._judged = (features, label)
        if len(self._scored) == COUNTED_TOGETHER:
            self._count_scored()

    def metrics(self) -> Mapping[str, float]:
        """The metrics so far; one without a finite value yet is left out."""
        self._count_scored()
        return self._root.prequential.values()

    def changes(self) -> Delta:
        """What changed since the last call. Raises `InvalidInput` where the model cannot be stored."""
        self._count_scored()
        self._judged = None
        is_first = self._encoder.is_fresh
        delta = self._taken.then(self._encoder.encode(self._root))
        self._taken, self._told = Delta(), None
        self._learned.clear()
        if is_first:
            # As after a restart: objects that a decoder made are quicker to learn with (`OwnAttributes`).
            self._go_on(self._encoder.state())
        return delta

    def roots(self) -> tuple[bytes, bytes]:
        """The serving and trainer roots as of the last `changes` call."""
        return self._encoder.roots() if self._told is None else self._told[0]

    @property
    def missed_changes(self) -> int:
        """How often the rolling audit found a change that nothing had told of, and put it right.

        Anything but 0 is a mistake in `river_marks`, or a model that changes River's trees by itself.
        """
        return self._marks.missed

    def state(self) -> State:
        """The whole state as of the last `changes` call."""
        return self._encoder.state() if self._told is None else self._told[1]

    def _start_afresh(self) -> None:
        model = build_river_model(self._spec, self._factories)
        self._open(RiverModel(model, build_metrics(self._spec)), GraphEncoder(self._allow, self._marks))

    def _go_on(self, state: State) -> None:
        root, encoder = GraphDecoder(self._allow).restore(state, self._marks)
        if type(root) is not RiverModel:
            raise InvalidInput("state", "not the state of a River learner")
        self._open(root, encoder)

    def _open(self, root: RiverModel, encoder: GraphEncoder) -> None:
        self._root = root
        self._encoder = encoder
        self._answers = answers_of(root.model, self._spec)
        # With more classes the spec was checked; some ensembles say that they take two, and take more.
        two_class = self._spec.task == "binary" and not getattr(last_step(root.model), "_multiclass", True)
        self._wants_bit = two_class and self._spec.label_type == "int"

    def _learn(self, row: Features, label: Label, weight: float) -> None:
        # River's steps may change the row they are given.
        with self._collecting:
            if weight == 1:
                self._root.model.learn_one(dict(row), label)
            else:
                self._root.model.learn_one(dict(row), label, w=weight)

    def _shorten_journal(self) -> None:
        self._count_scored()
        self._judged = None
        told = (self._encoder.roots(), self._encoder.state())
        self._taken = self._taken.then(self._encoder.encode(self._root))
        self._told = self._told or told
        self._learned.clear()

    def _note_judged(self) -> None:
        """Remember what was judged last, where it is not learned."""
        if self._judged is not None:
            self._learned.append((*self._judged, None, True))
            self._judged = None
            if len(self._learned) >= JOURNAL_LIMIT:
                self._shorten_journal()

    def _count_scored(self) -> None:
        self._root.prequential.score_all(self._scored)
        self._scored.clear()

    def _go_back(self) -> None:
        """Undo an example that was learned in part: all others since the last state are learned again."""
        state = self._encoder.state()
        if state.serving:
            self._go_on(state)
        else:
            self._start_afresh()
        self._scored.clear()
        self._judged = None
        for row, label, weight, is_judged in self._learned:
            if is_judged:
                self._scored.append((label, self._answers(row)))
            if weight is not None:
                self._learn(row, label, weight)
