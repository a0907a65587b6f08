"""The one input tensor that may stand for all features of a model whose features are numbers."""

from __future__ import annotations

from riverrun.core.spec import ModelSpec

ALL_FEATURES = "features"
"""Its name; a row of it has the features in the spec's order."""


def takes_matrix(spec: ModelSpec) -> bool:
    """Whether all features are numbers, so that one tensor called `features` may hold them."""
    if spec.float_names:
        return ALL_FEATURES not in spec.float_names
    schema = spec.features or {}
    return all(feature.type in ("float", "int") for feature in schema.values()) and ALL_FEATURES not in schema


def float_row(spec: ModelSpec) -> tuple[str, ...]:
    """The features in the order of such a tensor where all are floats; empty otherwise."""
    return () if ALL_FEATURES in spec.float_names else spec.float_names
