"""Prequential evaluation: every example is predicted first, judged, and only then learned."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from riverrun.core.predictions import Label, Prediction

_UNDEFINED = (ArithmeticError, LookupError, TypeError, ValueError)


class Metric(Protocol):
    """A running metric, as River's are."""

    @property
    def requires_labels(self) -> bool:
        """Whether a classification metric takes classes, not shares; others need not say."""

    def update(self, y_true: Any, y_pred: Any) -> None:
        """Take one answer and what it should have been."""

    def get(self) -> float:
        """The metric over everything so far."""


class AgainstRest:
    """A metric of one class against all others: `metric` is handed true where the class is `positive`.

    River's own `pos_val` is not used: its metrics count true and false, then look for `pos_val` among them.
    """

    def __init__(self, metric: Metric, positive: Label) -> None:
        self.metric = metric
        self.positive = positive

    @property
    def requires_labels(self) -> bool:
        """What the metric says."""
        return self.metric.requires_labels

    def update(self, y_true: Any, y_pred: Any) -> None:
        """Take one answer, a class or the probabilities, and what it should have been."""
        if isinstance(y_pred, Mapping):
            share = y_pred.get(self.positive, 0.0)
            y_pred = {False: 1.0 - share, True: share}
        else:
            y_pred = y_pred == self.positive
        self.metric.update(y_true == self.positive, y_pred)

    def get(self) -> float:
        """The metric over everything so far."""
        return self.metric.get()


class Prequential:
    """The metrics of one line of a model, over all that it was scored on."""

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        self.metrics = dict(metrics)

    def score(self, label: Label, prediction: Prediction) -> None:
        """`score_all` of one answer."""
        self.score_all([(label, prediction)])

    def score_all(self, scored: Sequence[tuple[Label, Prediction]]) -> None:
        """Take answers in order, each made before its label was learned; one without a value counts nowhere.

        Nothing is raised: a metric that is not defined for an answer, such as a logarithmic error of a
        negative number, goes without it.
        """
        answers = [(label, p.value, p.probabilities) for label, p in scored if p.value is not None]
        for metric in self.metrics.values():
            takes_values = getattr(metric, "requires_labels", True)
            update = metric.update
            for label, value, shares in answers:
                try:
                    update(label, value if takes_values or shares is None else shares)
                except _UNDEFINED:
                    continue

    def values(self) -> dict[str, float]:
        """The metrics so far, by name; one without a finite value yet is left out."""
        values: dict[str, float] = {}
        for name, metric in self.metrics.items():
            with suppress(*_UNDEFINED):
                value = float(metric.get())
                if math.isfinite(value):
                    values[name] = value
        return values
