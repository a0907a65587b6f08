"""Many rows at once, for models whose numbers come out equal to the last bit: linear ones over numbers.

River's own `predict_many` and `predict_proba_many` hand the sums to a matrix product, which adds in another
order than `predict_one` does, and their exponential is NumPy's: their answers differ from those for one row
in the last bits. Here each column is one step for all rows, in the order in which River adds for one row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import compose, linear_model, optim, preprocessing
from river.utils.math import sigmoid

from riverrun.core.predictions import Features, Prediction
from riverrun.core.spec.model_spec import ModelSpec

ManyAnswers = Callable[[Sequence[Features]], list[Prediction] | None]
"""The answers for rows, equal to those one by one; None where these rows have to be asked one by one."""

MIN_ROWS = 8
"""Fewer rows cost more together than one by one."""

_NUMERIC = frozenset({"float", "int", "bool"})


def many_answers_of(model: Any, spec: ModelSpec) -> ManyAnswers | None:
    """How `model` answers many rows at once, whatever it learns meanwhile; None where it does not."""
    # Text that looks like a number would become one in an array.
    if not spec.features or any(feature.type not in _NUMERIC for feature in spec.features.values()):
        return None
    steps = list(model.steps.values()) if type(model) is compose.Pipeline else [model]
    last = steps.pop()
    scaler = steps.pop() if steps and type(steps[-1]) is preprocessing.StandardScaler else None
    if steps or (scaler is not None and (not scaler.with_std or scaler.window_size is not None)):
        return None
    if type(last) is linear_model.LogisticRegression and type(last.loss) is optim.losses.Log:
        return _ManyClasses(scaler, last, spec.label_type == "int") if spec.is_classifier else None
    if type(last) is linear_model.LinearRegression and type(last.loss) is optim.losses.Squared:
        return None if spec.is_classifier else _ManyNumbers(scaler, last)
    return None


class _ManyNumbers:
    def __init__(self, scaler: Any, model: Any) -> None:
        self._scaler = scaler
        self._model = model

    def __call__(self, rows: Sequence[Features]) -> list[Prediction] | None:
        sums = self.sums(rows)
        return None if sums is None else [Prediction(value) for value in sums.tolist()]

    def sums(self, rows: Sequence[Features]) -> NDArray[np.float64] | None:
        """What River's `_raw_dot_one` gives for each row; None where rows differ in their features or
        order, where the model has no weight of one yet, and where a sum is not finite."""
        if len(rows) < MIN_ROWS:
            return None
        names = tuple(rows[0])
        weights = self._model._weights
        if any(name not in weights for name in names) or list(map(tuple, rows)).count(names) != len(rows):
            return None
        count = len(rows) * len(names)
        values = np.fromiter(chain.from_iterable([row.values() for row in rows]), np.float64, count)
        columns = np.ascontiguousarray(values.reshape(len(rows), len(names)).T)
        sums = np.zeros(len(rows))
        with np.errstate(all="ignore"):
            for name, column, weight in zip(names, columns, weights.to_numpy(names).tolist(), strict=True):
                sums += self._scaled(name, column) * weight
            sums += self._model.intercept
        return sums if np.isfinite(sums).all() else None

    def _scaled(self, name: str, column: NDArray[np.float64]) -> NDArray[np.float64] | float:
        if self._scaler is None:
            return column
        variance = self._scaler.vars.get(name, 0.0)
        return (column - self._scaler.means.get(name, 0.0)) / variance**0.5 if variance else 0.0


class _ManyClasses:
    def __init__(self, scaler: Any, model: Any, as_int: bool) -> None:
        self._numbers = _ManyNumbers(scaler, model)
        self._no, self._yes = (0, 1) if as_int else (False, True)

    def __call__(self, rows: Sequence[Features]) -> list[Prediction] | None:
        sums = self._numbers.sums(rows)
        if sums is None:
            return None
        no, yes = self._no, self._yes
        # The first of two equal shares is River's choice.
        return [
            Prediction(yes if share > 1.0 - share else no, {no: 1.0 - share, yes: share})
            for share in map(float, map(sigmoid, sums.tolist()))
        ]
