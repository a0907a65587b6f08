"""The retrain against live on the same examples: what it comes to."""

from __future__ import annotations

import enum

from riverrun.core.joining import JoinedExample
from riverrun.core.predictions import Prediction
from riverrun.core.spec import ModelSpec, TakeOverSpec
from riverrun.evaluation.gate.comparison import Comparison, Verdict
from riverrun.evaluation.loss import Loss
from riverrun_trainer.retraining.champion import NO_ANSWER, Champion


class Outcome(enum.Enum):
    """What a contest has come to."""

    OPEN = "open"
    BETTER = "better"
    WORSE = "worse"


class Contest:
    """A scorer of the retrain's line. It counts once `is_open`, and live has an answer.

    An answer that was served when its label was not known yet was given by older weights; against it an
    equal model would look better for being asked later. So live is asked again, with the weights that it had
    when the label came.
    """

    def __init__(self, spec: ModelSpec, champion: Champion) -> None:
        self._take_over: TakeOverSpec = spec.retrain.take_over
        self._champion = champion
        self._loss = Loss(is_classifier=spec.is_classifier)
        self.comparison = Comparison(
            self._take_over.examples, margin=self._take_over.margin, alpha=self._take_over.alpha
        )
        self.is_open = False
        """Whether the retrain has caught up."""

    def score(self, joined: JoinedExample, newest: Prediction | None) -> None:
        """See `Scorer.score`."""
        if not self.is_open or not joined.origin.is_judged or not self._champion.is_ready:
            return
        champion, challenger = self._champion.answer(joined.example.features), newest or NO_ANSWER
        if champion.value is None and challenger.value is None:
            return
        label = joined.example.label
        self._loss.see(label)
        self.comparison.update(self._loss.of(label, champion), self._loss.of(label, challenger))

    @property
    def outcome(self) -> Outcome:
        """What it has come to, by what the spec asks for."""
        comparison = self.comparison
        verdict = comparison.verdict
        if verdict is Verdict.REFUSED:
            return Outcome.WORSE
        if self._take_over.when == "not_worse":
            return Outcome.BETTER if verdict is Verdict.PASSES else Outcome.OPEN
        # A retrain learns on while it is compared: what was sure of its mean once need not be so now.
        is_better = comparison.excess_loss < 0 and comparison.interval.high < 0
        return Outcome.BETTER if is_better and comparison.count >= self._take_over.examples else Outcome.OPEN

    def describe(self) -> str:
        """The figures in words, for the record."""
        comparison = self.comparison
        words = f"mean loss {comparison.excess_loss:+.4f} against live's on {comparison.count} examples"
        if self.outcome is Outcome.WORSE:
            return f"{words}, surely above {comparison.interval.low:+.4f}"
        if self._take_over.when == "better":
            return f"{words}, surely below {comparison.interval.high:+.4f}"
        return f"{words}, not above {self._take_over.margin:+g}"
