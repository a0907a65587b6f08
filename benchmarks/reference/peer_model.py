"""What every peer serves: River's linear model, taught the rows that riverrun is taught.

Peers run in environments of their own, without riverrun: what they import of ours imports River alone.
"""

from __future__ import annotations

from typing import Any

from benchmarks import workload


def taught_model() -> Any:
    """The linear model, which has learned every row once."""
    model = workload.bare_model()
    for features, label in workload.rows():
        model.learn_one(features, label)
    return model


def answer(model: Any, features: dict[str, float]) -> dict[str, Any]:
    """A prediction in the words of riverrun's answers, but for its id and its version."""
    shares = model.predict_proba_one(features)
    return {
        "prediction": shares[True] > 0.5,
        "probabilities": {"false": shares[False], "true": shares[True]},
    }
