"""How answers do in parts of the stream, and which part got worse."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import msgspec

from riverrun.core.predictions import FeatureValue
from riverrun.evaluation.gate.concordance import Detector

MISSING = "(missing)"
OTHER = "(other)"
SETTLED = 100
"""Examples of a slice from which on it is known how it usually does."""

MEMORY = 2_000
"""Examples of a slice after which what they were like counts for a third in what is usual."""

SLACK = 0.02
"""Mean loss by which a slice may be above what is usual."""

SURE = 5_000.0
"""Evidence that a slice got worse: it comes by chance once in so many examples of a slice, at most."""

MAX_NAME = 64


class SliceState(msgspec.Struct, array_like=True):
    """What is known of one slice: its examples, the mean loss of all and of about the last fifty, the usual
    loss, and the evidence that it got worse.
    """

    examples: int = 0
    loss: float = 0.0
    recent: float = 0.0
    usual: float = 0.0
    evidence: list[float] = []
    since: list[int] = []

    def update(self, loss: float) -> None:
        """Take the loss, in [0, 1], of one more example."""
        self.examples += 1
        self.loss += (loss - self.loss) / self.examples
        self.recent += (loss - self.recent) / min(self.examples, 50)
        if self.examples <= SETTLED:
            self.usual = self.loss
            return
        detector = Detector.of(self.evidence, self.since)
        detector.update(max(-1.0, min(1.0, loss - self.usual - SLACK)), self.examples)
        self.evidence, self.since = detector.state
        if detector.evidence < SURE:
            self.usual += (loss - self.usual) / MEMORY

    @property
    def is_worse(self) -> bool:
        """Whether it is surely worse than usual."""
        return bool(self.evidence) and Detector.of(self.evidence, self.since).evidence >= SURE


class Slicing:
    """The slices by one feature; numbers by `edges`, anything else by its value, up to `limit` values."""

    def __init__(
        self, edges: Sequence[float], limit: int, slices: dict[str, SliceState] | None = None
    ) -> None:
        self._edges = edges
        self._limit = limit
        self.slices = {} if slices is None else slices

    def update(self, value: FeatureValue, loss: float) -> None:
        """Take one example by its `value` of the feature."""
        name = self._name(value)
        state = self.slices.get(name)
        if state is None:
            if len(self.slices) >= self._limit and name != OTHER:
                name = OTHER
            state = self.slices.setdefault(name, SliceState())
        state.update(loss)

    def _name(self, value: FeatureValue) -> str:
        if value is None:
            return MISSING
        if self._edges and isinstance(value, (int, float)):
            place = bisect_right(self._edges, value)
            low = "-inf" if place == 0 else f"{self._edges[place - 1]:g}"
            high = "inf" if place == len(self._edges) else f"{self._edges[place]:g}"
            return f"[{low}, {high})"
        return str(value)[:MAX_NAME]
