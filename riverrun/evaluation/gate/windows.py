"""Windows of examples, on each of which the newest weights are compared with the newest good version.

A comparison is only as good as its labels. Labels that are wrong make a model that learned them look good,
and the one that did not look bad; what gives them away is that they contradict the good version (see
`concordance`), which no change of base rate or difficulty does. While they do, nothing passes and nobody is
compared. Labels that agree again end it. A world that did turn round looks just the same: labels that
contradict for `patience` windows are believed.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from riverrun.core.predictions import Label, Prediction
from riverrun.evaluation.gate.comparison import Comparison, Verdict
from riverrun.evaluation.gate.concordance import Concordance

UNSURE = 3.0
"""Evidence of contradiction from which on a window does not pass, but goes on."""


class Kind(enum.Enum):
    """What was found."""

    PASSED = "passed"
    """The newest weights are not worse by more than the margin."""

    REFUSED = "refused"
    """They are surely worse by more than the margin."""

    CONTRADICTED = "contradicted"
    """Labels surely contradict the good version."""

    CALMED = "calmed"
    """After that, labels agree with it again."""

    BELIEVED = "believed"
    """They contradicted it for so long that they are taken for the truth."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found after `examples` in all; `since` is the example with which it seems to have begun.

    `excess_loss` is that of the newest weights, over the `compared` examples of the window; of `pairs` of
    examples `agreeing` agreed with the good version.
    """

    kind: Kind
    examples: int
    since: int
    excess_loss: float
    compared: int
    agreeing: int
    pairs: int


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer and its loss in [0, 1]."""

    answer: Prediction
    loss: float


class Windows:
    """Judges one example after the other; every finding starts a new window."""

    def __init__(self, *, window: int, margin: float, alpha: float, patience_ns: int) -> None:
        self._window = window
        self._margin = margin
        self._alpha = alpha
        self._patience_ns = patience_ns
        self.examples = 0
        self.alarmed = False
        self._alarmed_at = 0
        self._alarmed_ns = 0
        self._comparison = self._fresh_comparison()
        self._concordance = Concordance()

    def update(self, label: Label, good: Judged, newest: Judged, time_ns: int) -> Finding | None:
        """Take what both answered for one example whose event time is `time_ns`; what was found by it, if
        anything.
        """
        self.examples += 1
        self._concordance.update(label, good.answer, self.examples)
        if self.alarmed:
            return self._while_alarmed(time_ns)
        self._comparison.update(good.loss, newest.loss)
        if self._concordance.contradiction.evidence >= self._window / self._alpha:
            self.alarmed, self._alarmed_at, self._alarmed_ns = True, self.examples, time_ns
            return self._found(Kind.CONTRADICTED, self._concordance.contradiction.since)
        verdict = self._comparison.verdict
        if verdict is Verdict.REFUSED:
            return self._found(Kind.REFUSED, self.examples - self._comparison.count + 1)
        # Labels turned round would pass the model that learned them: while they may be, nothing passes.
        if verdict is Verdict.PASSES and self._concordance.contradiction.evidence < UNSURE:
            return self._found(Kind.PASSED, self.examples - self._comparison.count + 1)
        if verdict is Verdict.UNDECIDED and self._comparison.count >= self._window:
            # What was wrong at its beginning may be over: the next examples say.
            self._comparison = self._fresh_comparison()
        return None

    def _while_alarmed(self, time_ns: int) -> Finding | None:
        if self._concordance.agreement.evidence >= self._window / self._alpha:
            self.alarmed = False
            return self._found(Kind.CALMED, self._concordance.agreement.since)
        if time_ns - self._alarmed_ns >= self._patience_ns:
            self.alarmed = False
            return self._found(Kind.BELIEVED, self._alarmed_at)
        return None

    def _found(self, kind: Kind, since: int) -> Finding:
        compared, pairs = self._comparison, self._concordance
        excess = compared.excess_loss if compared.count else 0.0
        found = Finding(kind, self.examples, since, excess, compared.count, pairs.agreeing, pairs.pairs)
        self._comparison = self._fresh_comparison()
        if kind in (Kind.PASSED, Kind.REFUSED):
            # What labels say of good versions goes on over the ends of windows, or it would start late.
            pairs.agreeing = pairs.pairs = 0
        else:
            self._concordance = Concordance()
        return found

    def _fresh_comparison(self) -> Comparison:
        return Comparison(self._window, margin=self._margin, alpha=self._alpha)
