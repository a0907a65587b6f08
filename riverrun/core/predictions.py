"""What a model answers."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

FeatureValue = float | int | bool | str | None
Features = Mapping[str, FeatureValue]
"""Named features of one row; a missing feature is absent or None."""

Label = float | int | bool | str
"""A class (bool, int or str) or a number."""


class Prediction(msgspec.Struct, frozen=True, gc=False):
    """One answer. `value` is the class or the number, None where the model has seen no class yet.

    `probabilities` maps each known class to its share, for classifiers; None for regression.
    """

    value: Label | None
    probabilities: Mapping[Label, float] | None = None
