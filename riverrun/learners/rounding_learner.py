"""A learner whose serving side is sent with rounded numbers, while the trainer keeps the exact ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from riverrun.codec.rounding import FORMS, Precision
from riverrun.core.digest import HashTree
from riverrun.core.predictions import Features, Label, Prediction
from riverrun.core.units import EMPTY, Delta, SideDelta, State, Unit
from riverrun.learners.protocol import Learner
from riverrun.learners.rounding_units import RoundingUnits


def exact_state(state: State) -> State:
    """`state` without rounded units; `state` itself where it has none."""
    twins = state.serving.keys() & state.trainer.keys()
    if not twins:
        return state
    serving = {**state.serving, **{number: state.trainer[number] for number in twins}}
    trainer = {number: unit for number, unit in state.trainer.items() if number not in twins}
    return State(serving, trainer, state.next_unit)


class RoundingLearner:
    """Learns exactly as `learner` does; only the state that it tells differs.

    Each serving unit that can be rounded is told rounded, and as it is under the same number on the trainer's
    side. So readers get fewer bytes, a trainer goes on from exactly what was learned, and a unit that only
    changed by less than the rounding shows is not sent to readers at all.
    """

    def __init__(self, learner: Learner, precision: Precision, state: State = EMPTY) -> None:
        """`learner` has learned nothing, or was restored from ``exact_state(state)``.

        What `state` holds in another precision than this one is told anew with the next change.
        """
        self._learner = learner
        self._serving = dict(state.serving)
        self._trainer = dict(state.trainer)
        self._next_unit = state.next_unit
        self._trees = (HashTree(state.serving), HashTree(state.trainer))
        self._units = RoundingUnits(FORMS.get(precision))
        self._due = self._told_otherwise(exact_state(state).serving)

    @property
    def batch_size(self) -> int:
        """Examples that one `learn` call takes."""
        return self._learner.batch_size

    @property
    def missed_changes(self) -> int:
        """Changes that nothing had told of, and an audit found."""
        return self._learner.missed_changes

    def predict(self, features: Features) -> Prediction:
        """Answer for one row with the exact numbers."""
        return self._learner.predict(features)

    def check(self, features: Features, label: Label, weight: float) -> None:
        """Raise `InvalidInput` for an example that cannot be learned."""
        self._learner.check(features, label, weight)

    def learn(self, rows: Sequence[Features], labels: Sequence[Label], weights: Sequence[float]) -> None:
        """Learn `batch_size` examples in order."""
        self._learner.learn(rows, labels, weights)

    def score(self, features: Features, label: Label, prediction: Prediction) -> None:
        """Take `prediction`, made before learning `label`, into the metrics."""
        self._learner.score(features, label, prediction)

    def metrics(self) -> Mapping[str, float]:
        """The metrics so far: those of the exact numbers."""
        return self._learner.metrics()

    def changes(self) -> Delta:
        """What changed since the last call, rounded."""
        learned = self._learner.changes()
        exact = SideDelta(self._due).then(learned.serving)
        rounded = self._units.rounded(exact)
        serving = {
            n: unit for n, unit in {**exact.changed, **rounded}.items() if self._serving.get(n) != unit
        }
        twins = {n: exact.changed[n] for n in rounded if self._trainer.get(n) != exact.changed[n]}
        # A twin goes where its unit is gone or exact again, unless the learner keeps it for the trainer.
        alone = {n for n in exact.dropped.union(exact.changed) if n in self._trainer and n not in rounded}
        dropped = (alone - learned.trainer.changed.keys()) | (learned.trainer.dropped - rounded.keys())
        trainer = SideDelta({**learned.trainer.changed, **twins}, frozenset(dropped))
        delta = Delta(SideDelta(serving, exact.dropped), trainer, learned.next_unit)
        self._due = {}
        self._take(delta)
        return delta

    def roots(self) -> tuple[bytes, bytes]:
        """The serving and trainer roots as of the last `changes` call."""
        return self._trees[0].root, self._trees[1].root

    def state(self) -> State:
        """The whole state as of the last `changes` call."""
        return State(dict(self._serving), dict(self._trainer), self._next_unit)

    def _take(self, delta: Delta) -> None:
        delta.serving.apply_in_place(self._serving)
        delta.trainer.apply_in_place(self._trainer)
        self._trees[0].update(delta.serving)
        self._trees[1].update(delta.trainer)
        self._next_unit = delta.next_unit

    def _told_otherwise(self, exact: Mapping[int, Unit]) -> dict[int, Unit]:
        rounded = self._units.rounded(SideDelta(exact))
        return {n: unit for n, unit in exact.items() if rounded.get(n, unit) != self._serving[n]}
