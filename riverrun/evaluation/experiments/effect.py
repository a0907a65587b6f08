"""How much better one arm scores than another, as an interval that holds whenever people look.

Each scored answer becomes a value whose mean is the difference between the arms, by the chance that it
came from the arm that it did (inverse probability weighting). What scores were like before, on both arms,
is taken away first: that moves no mean, and makes the interval as narrow as the scores' own spread allows
(the augmentation of Robins, Rotnitzky and Zhao, 1994, with the simplest predictor; its use in a confidence
sequence is that of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and
asymptotic confidence sequences", Annals of Statistics 2024, section 3, here with bounded scores and so
without asymptotics).
"""

from __future__ import annotations

from dataclasses import dataclass

from riverrun.evaluation.confidence_sequence import ConfidenceSequence, Interval


@dataclass(frozen=True, slots=True)
class Standing:
    """The effect as it stands. `decided` says that zero is outside: the arms do differ."""

    difference: float
    interval: Interval
    count: int

    @property
    def decided(self) -> bool:
        """Whether the interval leaves out zero."""
        return 0.0 not in self.interval


class Effect:
    """The mean score of `treatment` less that of `control`, for scores in [0, 1].

    `share` is the treatment's share among answers of the two arms. Scores of one key are not independent:
    where few keys give many answers, score keys rather than answers.
    """

    def __init__(self, control: str, treatment: str, *, share: float, alpha: float = 0.05) -> None:
        """Raises `ValueError` for a share that is not above 0 and below 1."""
        if not 0 < share < 1:
            raise ValueError(f"expected a share above 0 and below 1, got {share}")
        self.control, self.treatment = control, treatment
        self._share = share
        bound = 1 / min(share, 1 - share)
        self.sequence = ConfidenceSequence(-bound, bound, alpha=alpha)
        self.score_sum = 0.0

    def update(self, arm: str, score: float) -> None:
        """Take one score of `arm`; those of other arms count nowhere. Raises `ValueError` outside [0, 1]."""
        if not 0 <= score <= 1:
            raise ValueError(f"expected a score in [0, 1], got {score}")
        if arm not in (self.control, self.treatment):
            return
        usual = (0.5 + self.score_sum) / (1 + self.sequence.count)
        weight = 1 / self._share if arm == self.treatment else -1 / (1 - self._share)
        self.sequence.update(weight * (score - usual))
        self.score_sum += score

    @property
    def standing(self) -> Standing:
        """The effect as it stands; before the first score anything is possible that scores allow."""
        return self._standing(self.sequence.mean if self.sequence.count else 0.0, self.sequence.interval)

    @property
    def present(self) -> Standing:
        """The effect where it may move in time, as that of models that learn does.

        Of all so far an average in which early scores weigh more; see `ConfidenceSequence.present`.
        """
        centre, interval = self.sequence.present
        return self._standing(centre if self.sequence.count else 0.0, interval)

    def _standing(self, difference: float, seen: Interval) -> Standing:
        """Scores are in [0, 1], and so no difference is larger."""
        interval = Interval(max(seen.low, -1.0), min(seen.high, 1.0))
        return Standing(min(max(difference, -1.0), 1.0), interval, self.sequence.count)
