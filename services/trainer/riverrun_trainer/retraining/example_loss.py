"""How wrong both models are on one example, from 0 to 1, by the task."""

from __future__ import annotations

from riverrun.core.predictions import Label, Prediction
from riverrun.core.spec import ModelSpec
from riverrun.evaluation.loss import class_loss, number_loss


class ExampleLosses:
    """The losses of champion and challenger on the same example; of numbers relative to how wrong the
    champion was so far, which its next answer cannot change."""

    def __init__(self, spec: ModelSpec) -> None:
        self._is_classifier = spec.is_classifier
        self._errors = 0
        self._error_sum = 0.0

    def of(self, label: Label, champion: Prediction, challenger: Prediction) -> tuple[float, float] | None:
        """Both losses; None while there is no scale to measure numbers by."""
        if self._is_classifier:
            return class_loss(label, champion), class_loss(label, challenger)
        number = float(label)
        scale = self._error_sum / self._errors if self._errors else 0.0
        if isinstance(champion.value, (int, float)):
            self._errors += 1
            self._error_sum += abs(champion.value - number)
        if scale == 0:
            return None
        return number_loss(number, champion, scale), number_loss(number, challenger, scale)
