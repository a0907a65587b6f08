"""River's code that changes a model when it only answers, made to change nothing.

What a model was asked must not reach what it learns, nor differ between the trainer and readers, which do not
hold what only learning needs. In a loop that predicts each example and then learns it nothing is different.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from typing import Any

from river.ensemble import SRPClassifier
from river.forest import ARFClassifier, ARFRegressor, OXTRegressor
from river.linear_model import AdPredictor
from river.tree.splitter.nominal_splitter_classif import NominalSplitterClassif


@functools.cache
def answer_purely() -> None:
    """From now on these classes of River do not change when they answer. Repeating it does nothing."""
    _without_members_answer(SRPClassifier, "predict_proba_one", Counter)
    _without_members_answer(ARFClassifier, "predict_proba_one", Counter)
    _without_members_answer(ARFRegressor, "predict_one", float)
    _without_members_answer(OXTRegressor, "predict_one", float)
    _forget_what_an_answer_began(AdPredictor)
    _look_up_without_adding(NominalSplitterClassif)


def _without_members_answer(cls: type[Any], name: str, nothing: Callable[[], Any]) -> None:
    # It makes its members at the first question, of the features that it happens to be asked with.
    original = vars(cls)[name]

    @functools.wraps(original)
    def answer(ensemble: Any, x: Any, **kwargs: Any) -> Any:
        return original(ensemble, x, **kwargs) if len(ensemble) else nothing()

    setattr(cls, name, answer)


def _forget_what_an_answer_began(cls: Any) -> None:
    # Its bias starts from how many features it is first asked with.
    original = cls.predict_proba_one

    @functools.wraps(original)
    def predict_proba_one(model: Any, x: Any) -> Any:
        untrained = not model.means
        answer = original(model, x)
        if untrained:
            model.means.clear()
            model.variances.clear()
        return answer

    cls.predict_proba_one = predict_proba_one


def _look_up_without_adding(cls: Any) -> None:
    # It adds an empty entry for a class that it does not find, and so an order in which later sums are made.
    original = cls.cond_proba

    @functools.wraps(original)
    def cond_proba(splitter: Any, att_val: Any, target_val: Any) -> Any:
        known = target_val in splitter._att_dist_per_class
        return original(splitter, att_val, target_val) if known else 0.0

    cls.cond_proba = cond_proba
