"""Answering with one version of a torch model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from weakref import ref

from riverrun.core.digest import HashTree
from riverrun.core.errors import DigestMismatch, InvalidInput
from riverrun.core.predictions import Features, Prediction
from riverrun.core.spec.model_spec import ModelSpec
from riverrun.core.steps import Steps, finish
from riverrun.core.units import SideDelta, Unit
from riverrun.learners.factories import Factories
from riverrun.learners.tensor_units import Spans
from riverrun.learners.torch_answers import TorchAnswers
from riverrun.learners.torch_builder import blank_torch_model
from riverrun.learners.torch_copy import ModelCopy
from riverrun.learners.torch_model import TorchModel


class TorchPredictor:
    """One version of a torch model, as its serving side alone.

    Two copies of the module take turns: the one of a version that was let go is brought to the next version
    but one, in place, at the cost of what changed. A version stays as it is for as long as it is held.
    """

    __slots__ = ("__weakref__", "_answers", "_behind", "_copy", "_task", "_tree")

    _tree: HashTree | None

    def __init__(
        self, task: str, shown: ModelCopy, tree: HashTree, behind: tuple[ModelCopy, int, SideDelta] | None
    ) -> None:
        """`behind` is the copy whose turn is next, which of its turns it had, and what it lacks."""
        shown.shown_by = ref(self)
        self._task = task
        self._copy = shown
        self._tree = tree
        self._behind = behind
        self._answers = TorchAnswers(shown.model, task)

    @classmethod
    def opening(
        cls, spec: ModelSpec, factories: Factories, units: Mapping[int, Unit], serving_root: bytes
    ) -> Steps[TorchPredictor]:
        """The predictor of `units`, in steps; its module is made at once, before the first.

        Raises `DigestMismatch` where they do not have `serving_root`.
        """
        return cls._opening(spec.task, blank_torch_model(spec, factories), units, serving_root)

    @classmethod
    def _opening(
        cls, task: str, model: TorchModel, units: Mapping[int, Unit], serving_root: bytes
    ) -> Steps[TorchPredictor]:
        tree = HashTree()
        yield from tree.updating(SideDelta(units))
        _check(tree, serving_root)
        shown = ModelCopy(model, Spans(units))
        yield from shown.loading(units)
        return cls(task, shown, tree, None)

    def predict(self, features: Features) -> Prediction:
        """Answer for one row."""
        return self._answers(features)

    def predict_many(self, rows: Sequence[Features]) -> list[Prediction]:
        """Answer for each row, in order, in one pass."""
        return self._answers.many(rows)

    def updated(self, delta: SideDelta, serving_root: bytes) -> TorchPredictor:
        """The predictor of the version that `delta` leads to from this one."""
        return finish(self.updating(delta, serving_root))

    def updating(self, delta: SideDelta, serving_root: bytes) -> Steps[TorchPredictor]:
        """The same in steps of some tens of microseconds; but a copy of the module is made in one."""
        if delta.dropped:
            raise InvalidInput("delta", "does not fit this spec's model")
        tree = HashTree(self._copy.units()) if self._tree is None else self._tree
        # Whatever fails leaves no tree behind; it is made anew from what this version shows.
        self._tree = None
        yield from tree.updating(delta)
        _check(tree, serving_root)
        copy = yield from self._next_copy(delta)
        return TorchPredictor(self._task, copy, tree, (self._copy, self._copy.turn, delta))

    def _next_copy(self, delta: SideDelta) -> Steps[ModelCopy]:
        behind, self._behind = self._behind, None
        if behind is not None:
            copy, turn, missing = behind
            if copy.is_idle() and copy.turn == turn:
                copy.turn += 1
                yield from copy.writing(missing.then(delta))
                return copy
        twin = self._copy.twin()
        yield
        yield from twin.writing(delta)
        return twin


def _check(tree: HashTree, serving_root: bytes) -> None:
    if tree.root != serving_root:
        raise DigestMismatch("serving side", serving_root.hex(), tree.root.hex())
