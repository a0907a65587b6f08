"""``model: {two_tower: {…}}``: two networks whose outputs are multiplied, in PyTorch, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field

from riverrun.core.catalogue import Misfit
from riverrun.core.spec.features import FeatureSpec, shown_name
from riverrun.core.spec.policies import SpecPart
from riverrun.core.spec.torch_optimizers import Adagrad, RowOptimizer, as_tuple
from riverrun.core.spec.torch_spec import (
    Activation,
    Buckets,
    Dim,
    TorchSpec,
    Widths,
    check_one_output,
    check_table,
    hashed,
)


class TowerSpec(SpecPart):
    """One tower: a perceptron over `features` with layers of the widths `hidden`, then one of `dim`.

    Categories and words of texts are hashed into `buckets` per feature. Without hidden layers each bucket
    has a vector of `dim` numbers, and a tower is the sum of its buckets' vectors.
    """

    features: Annotated[tuple[str, ...], Field(min_length=1), BeforeValidator(as_tuple)]
    hidden: Widths = ()
    buckets: Buckets = 100_000

    def check(self, features: Mapping[str, FeatureSpec], dim: int) -> None:
        """Raise `Misfit` for a feature that is unknown or named twice, and for a table that is too large."""
        for i, name in enumerate(self.features):
            if name not in features:
                raise Misfit(("features", i), f"{shown_name(name)} is not among features")
            if name in self.features[:i]:
                raise Misfit(("features", i), f"{shown_name(name)} is given twice")
        check_table(len(hashed(features, self.features)) * self.buckets, (*self.hidden, dim)[0])


class TwoTowerSpec(TorchSpec):
    """An embedding of users and one of items, and what both say together: the product of the two vectors.

    As in P.-S. Huang et al., Learning Deep Structured Semantic Models for Web Search using Clickthrough Data,
    CIKM 2013, section 3. `dim` is the length of both vectors.
    """

    user: TowerSpec
    item: TowerSpec
    dim: Dim = 16
    activation: Activation = "relu"
    optimizer: RowOptimizer = Adagrad()
    standardise: bool = True

    def check(self, task: str, features: Mapping[str, FeatureSpec]) -> None:
        """Raise `Misfit` for multiclass, for what a tower refuses, and for a feature in neither tower."""
        check_one_output(task, "two_tower")
        for side, tower in (("user", self.user), ("item", self.item)):
            try:
                tower.check(features, self.dim)
            except Misfit as misfit:
                raise Misfit((side, *misfit.path), misfit.message) from misfit
        unused = [name for name in features if name not in self.user.features + self.item.features]
        if unused:
            raise Misfit((), f"{shown_name(unused[0])} is in neither tower")
