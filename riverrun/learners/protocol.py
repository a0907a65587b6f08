"""What a learner is to the rest of riverrun.

A *predictor* answers with one version's weights and is all that serving needs. A *learner* also learns
and hands out its state as deltas; only a trainer holds one. Both are built from a model spec by
`riverrun.learners.build`, so that nothing outside this package knows River from PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from riverrun.core.predictions import Features, Label, Prediction
from riverrun.core.steps import Steps
from riverrun.core.units import Delta, SideDelta, State


class Predictor(Protocol):
    """One version of a model that answers; not thread-safe, and never changed while it computes."""

    def predict(self, features: Features) -> Prediction:
        """Answer for one row. The row is not changed and may lack features or carry unknown ones.

        Raises `InvalidInput` for a row that the model cannot take (some of River's steps need every feature
        they name), `NotReady` when the answer is not finite.
        """

    def predict_many(self, rows: Sequence[Features]) -> list[Prediction]:
        """Answer for each row, in order; equal to `predict` row by row."""

    def updated(self, delta: SideDelta, serving_root: bytes) -> Predictor:
        """The predictor of the version that `delta` leads to from this one.

        This predictor still answers as before until it is let go. Raises `DigestMismatch` when the
        result does not have `serving_root`, `InvalidInput` when the delta cannot be decoded; either
        way this predictor is unharmed.
        """

    def updating(self, delta: SideDelta, serving_root: bytes) -> Steps[Predictor]:
        """`updated` in steps, between which this predictor answers, and is not to be updated otherwise.

        Where not all steps are taken this predictor is unharmed.
        """


class Learner(Protocol):
    """A model that learns; owned by one trainer, not thread-safe."""

    @property
    def batch_size(self) -> int:
        """Examples that one `learn` call takes. Boundaries are multiples of it in the line's examples,
        but where a flush that the manifest records cuts a batch short."""

    @property
    def missed_changes(self) -> int:
        """How often a rolling audit found a change that nothing had told of, and put it right; only grows.

        Anything but 0 is a mistake of ours, or a model that changes its library's objects by itself.
        """

    def predict(self, features: Features) -> Prediction:
        """Answer for one row with what was learned so far; no later answer depends on it.

        Raises `InvalidInput` for a row that the model cannot take, `NotReady` when the answer is not
        finite. The row is not changed.
        """

    def check(self, features: Features, label: Label, weight: float) -> None:
        """Raise `InvalidInput` for an example that is known beforehand not to be learnable; cheap.

        Asked for each example before it joins a batch, so that one bad example does not cost the others.
        """

    def learn(self, rows: Sequence[Features], labels: Sequence[Label], weights: Sequence[float]) -> None:
        """Learn `batch_size` examples in order. The inputs are not changed, and must not be changed by the
        caller until the next `changes` call: a learner may learn them again to undo a refused one.

        Raises `InvalidInput` for an example this learner cannot learn from; it then learned nothing of
        the batch.
        """

    def score(self, features: Features, label: Label, prediction: Prediction) -> None:
        """Take `prediction`, made before learning `label`, into the prequential metrics. Raises nothing."""

    def metrics(self) -> Mapping[str, float]:
        """The prequential metrics so far, by the name the spec gives them; no value is left out as NaN."""

    def changes(self) -> Delta:
        """What changed since the last call; from the empty state at the first call of a fresh learner.

        The learner that `restore` returns starts from the state it was restored from.
        """

    def roots(self) -> tuple[bytes, bytes]:
        """The serving and trainer roots of the state as of the last `changes` call."""

    def state(self) -> State:
        """The whole state as of the last `changes` call."""
