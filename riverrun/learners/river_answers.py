"""What a River model answers, as a `Prediction`: exactly what the model itself says."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

from river import base

from riverrun.core.errors import InvalidInput, NotReady
from riverrun.core.predictions import Features, Label, Prediction
from riverrun.core.spec.features import shown_name
from riverrun.core.spec.model_spec import ModelSpec
from riverrun.learners.river_builder import last_step

Answers = Callable[[Features], Prediction]
"""Answers for one row, which is not changed; raises `InvalidInput` or `NotReady`."""


def answers_of(model: Any, spec: ModelSpec) -> Answers:
    """The answers of `model`, whatever it learns meanwhile."""
    return _ClassAnswers(model, spec.label_type) if spec.is_classifier else _NumberAnswers(model)


class _ClassAnswers:
    """The most probable class, or what the model prefers where it has a rule of its own."""

    def __init__(self, model: Any, label_type: str) -> None:
        self._model = model
        self._as_int = label_type == "int"
        cls = type(last_step(model))
        has_rule = getattr(cls, "predict_one", None) is not base.Classifier.predict_one
        self._own_rule = model.predict_one if has_rule else None
        shares = getattr(cls, "predict_proba_one", None)
        self._gives_shares = shares is not None and shares is not base.Classifier.predict_proba_one

    def __call__(self, features: Features) -> Prediction:
        # River's steps may change the row they are given.
        if not self._gives_shares:
            return self._label_only(features)
        try:
            shares = self._model.predict_proba_one(dict(features))
            value = max(shares, key=shares.get) if shares else None
            if self._own_rule is not None:
                value = self._own_rule(dict(features))
        except NotImplementedError:
            # A wrapper gives shares where the model inside does; that of a bandit may be another next time.
            return self._label_only(features)
        except Exception as error:
            raise cannot_use(features, error, "answer for") from error
        probabilities = {label: float(share) for label, share in shares.items()}
        if not isfinite(sum(probabilities.values())):
            raise NotReady("model", "its answer is not finite")
        if self._as_int:
            # Two-class models of River answer with False and True whatever the labels were.
            value = None if value is None else int(value)
            probabilities = {int(label): share for label, share in probabilities.items()}
        return Prediction(value, probabilities)

    def _label_only(self, features: Features) -> Prediction:
        try:
            value: Label | None = self._model.predict_one(dict(features))
        except Exception as error:
            raise cannot_use(features, error, "answer for") from error
        if self._as_int and isinstance(value, bool):
            value = int(value)
        return Prediction(value)


class _NumberAnswers:
    def __init__(self, model: Any) -> None:
        self._model = model

    def __call__(self, features: Features) -> Prediction:
        try:
            value = self._model.predict_one(dict(features))
            number = None if value is None else float(value)
        except Exception as error:
            raise cannot_use(features, error, "answer for") from error
        if number is not None and not isfinite(number):
            raise NotReady("model", "its answer is not finite")
        return Prediction(number)


def cannot_use(features: Features, error: Exception, what: str) -> InvalidInput:
    """Why the model's own code gave up on `features`; `what` it was asked to do, such as ``learn from``."""
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
        name = error.args[0]
        if features.get(name) is None:
            return InvalidInput(
                f"features.{shown_name(name)}", f"is missing, and the model cannot {what} the row"
            )
    return InvalidInput("features", f"the model cannot {what} this row ({type(error).__name__})")
