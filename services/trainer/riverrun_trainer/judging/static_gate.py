"""What no version may leave, asked of each before it is pushed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from riverrun.core.errors import InvalidInput, NotReady
from riverrun.core.joining import JoinedExample
from riverrun.core.predictions import Features, Prediction
from riverrun.core.spec import ModelSpec
from riverrun.core.units import SideDelta, Unit
from riverrun.evaluation.loss import Loss
from riverrun.learners.weight_norms import WeightNorms


class StaticGate:
    """The bounds of one line: the norm of its weights, the step of a version, and the answers to probes."""

    def __init__(self, spec: ModelSpec, units: Mapping[int, Unit]) -> None:
        """`units` are those of the serving side of the version that the line goes on from."""
        self._bounds = spec.gate.bounds
        self._norms = WeightNorms(units)
        self._loss = Loss(is_classifier=spec.is_classifier)
        probes = self._bounds.probes
        self._recent: deque[Features] = deque(maxlen=probes.rows if probes else 0)
        self._probes: list[tuple[Features, Prediction]] = []

    @property
    def scores(self) -> bool:
        """Whether it has to hear of examples."""
        return self._bounds.probes is not None

    def score(self, joined: JoinedExample, newest: Prediction | None) -> None:
        """See `Scorer.score`."""
        self._loss.see(joined.example.label)
        self._recent.append(joined.example.features)

    def refusal(self, delta: SideDelta, predict: Callable[[Features], Prediction]) -> str:
        """Why the version that `delta` leads to is not to be pushed, empty where it may be. `predict`
        answers with it.

        A version that may be pushed counts as pushed: the next one is compared with it.
        """
        moved = self._norms.change(delta)
        if moved.norm > self._bounds.norm:
            return f"the norm of the weights is {moved.norm:.4g}, over {self._bounds.norm:g}"
        allowed = self._bounds.step * max(1.0, moved.norm_before)
        if moved.step > allowed:
            return f"the weights moved by {moved.step:.4g}, over {allowed:.4g}"
        reason = self._probed(predict)
        if not reason:
            self._norms.accept()
            self._take_probes(predict)
        return reason

    def _probed(self, predict: Callable[[Features], Prediction]) -> str:
        probes = self._bounds.probes
        if probes is None:
            return ""
        for features, before in self._probes:
            now = _answer(predict, features)
            change = 1.0 if now is None else self._change(before, now)
            if change > probes.change:
                return f"the answer to a probe changed by {change:.1%}, over {probes.change:.1%}"
        return ""

    def _take_probes(self, predict: Callable[[Features], Prediction]) -> None:
        answers = [(features, _answer(predict, features)) for features in self._recent]
        self._probes = [(features, answer) for features, answer in answers if answer is not None]

    def _change(self, before: Prediction, now: Prediction) -> float:
        """How far apart two answers to one row are, in [0, 1]."""
        if before.value is None or now.value is None:
            return 0.0
        if before.probabilities is None or now.probabilities is None:
            return self._loss.of(before.value, now)
        shares = before.probabilities.keys() | now.probabilities.keys()
        return max(
            abs(before.probabilities.get(one, 0.0) - now.probabilities.get(one, 0.0)) for one in shares
        )


def _answer(predict: Callable[[Features], Prediction], features: Features) -> Prediction | None:
    try:
        return predict(features)
    except (InvalidInput, NotReady):
        return None
