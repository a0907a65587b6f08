"""Rows checked against a version's feature schema: the usual row in a few steps, any other value by value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from math import isfinite
from typing import Any

from riverrun.core.predictions import FeatureValue
from riverrun.core.spec.features import FeatureSpec, check_features

_NUMBERS = frozenset({float, int})
_DICTS = frozenset({dict})


class RowCheck:
    """`check_features` of one schema. Rows of unbounded floats alone, as many have, go a short way."""

    def __init__(self, schema: Mapping[str, FeatureSpec] | None) -> None:
        self._schema = schema
        features = schema or {}
        required = {name for name, feature in features.items() if feature.required}
        self._free = frozenset(
            name
            for name, feature in features.items()
            if feature.type == "float" and feature.min is None and feature.max is None
        )
        self._short_way = bool(self._free) and not required

    def __call__(self, features: Any) -> Mapping[str, FeatureValue]:
        """`features` as the learner takes them; raises `InvalidInput` as `check_features` does."""
        if self._short_way and type(features) is dict and features.keys() <= self._free:
            values = features.values()
            if _NUMBERS.issuperset(map(type, values)):
                try:
                    # One value that is not finite makes the sum so, and a sum that overflows is looked into.
                    if isfinite(sum(values)):
                        return features
                except OverflowError:
                    pass
        return check_features(self._schema, features)

    def takes_all(self, rows: Sequence[Any]) -> bool:
        """Whether all of `rows` may be taken as they are: one look at many that share their features' order.

        False says nothing: each is then checked by itself.
        """
        if not self._short_way or not rows or not _DICTS.issuperset(map(type, rows)):
            return False
        names = tuple(rows[0])
        if not self._free.issuperset(names) or list(map(tuple, rows)).count(names) != len(rows):
            return False
        values = list(chain.from_iterable(map(dict.values, rows)))
        if not _NUMBERS.issuperset(map(type, values)):
            return False
        try:
            return isfinite(sum(values))
        except OverflowError:
            return False
