"""``model: {mlp: {…}}``: a multi-layer perceptron in PyTorch, as data."""

from __future__ import annotations

from collections.abc import Mapping

from riverrun.core.spec.features import FeatureSpec
from riverrun.core.spec.torch_optimizers import SGD, AnyOptimizer
from riverrun.core.spec.torch_spec import Activation, Buckets, TorchSpec, Widths, check_table, hashed


class MlpSpec(TorchSpec):
    """A network of dense layers over the features of the spec's schema.

    `hidden` are the widths of the hidden layers. With `standardise` each number is scaled by the mean and
    variance seen so far. Categories and words of texts are hashed into `buckets` per feature.
    """

    hidden: Widths = (64, 32)
    activation: Activation = "relu"
    optimizer: AnyOptimizer = SGD()
    standardise: bool = True
    buckets: Buckets = 1024

    def check(self, task: str, features: Mapping[str, FeatureSpec]) -> None:
        """Raise `Misfit` for a table that is too large."""
        outputs = len(self.classes or ()) if task == "multiclass" else 1
        check_table(len(hashed(features)) * self.buckets, (*self.hidden, outputs)[0])
