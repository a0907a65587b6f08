"""How much an example counts when negatives are learned before it is known that they are.

Every prediction is learned as a negative at once, and again as a positive if that comes. What is learned then
is biased: among predictions that will be positive with probability p, p of 1 + p examples are positives.
Importance weights undo it: 1 + p for a positive, (1 - p)(1 + p) for a negative, with the model's own answer
for p. That is the *fake negative weighted* loss of Ktena et al., "Addressing Delayed Feedback for Continuous
Training with Neural Networks in CTR Prediction" (RecSys 2019); the problem is stated by Chapelle, "Modeling
Delayed Feedback in Display Advertising" (KDD 2014).
"""

from __future__ import annotations

from riverrun.core.joining import JoinedExample, Origin
from riverrun.core.predictions import Prediction


def importance(joined: JoinedExample, newest: Prediction | None) -> float:
    """The weight that `joined` is learned with; `newest` is what the newest weights answer for it."""
    weight = joined.example.weight
    if joined.origin is Origin.EARLY_NEGATIVE:
        p = positive_share(newest)
        return weight * (1 - p) * (1 + p)
    if joined.origin is Origin.LATE_POSITIVE:
        return weight * (1 + positive_share(newest))
    return weight


def positive_share(prediction: Prediction | None) -> float:
    """The probability of true; 0 where there is no answer, or that class was not seen yet."""
    if prediction is None or prediction.probabilities is None:
        return 0.0
    return float(prediction.probabilities.get(True, 0.0))
