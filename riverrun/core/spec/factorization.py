"""``model: {factorization: {…}}``: a factorisation machine in PyTorch, as data."""

from __future__ import annotations

from collections.abc import Mapping

from riverrun.core.spec.features import FeatureSpec
from riverrun.core.spec.torch_optimizers import Adagrad, RowOptimizer
from riverrun.core.spec.torch_spec import Buckets, Dim, TorchSpec, check_one_output, check_table


class FactorizationSpec(TorchSpec):
    """A factorisation machine of degree two (S. Rendle, Factorization Machines, ICDM 2010, section III).

    Each feature has a weight and a vector of `dim` numbers; what two features say together is the product of
    their vectors. Categories and words of texts are hashed into one table of `buckets` rows, together with
    the name of their feature. With `standardise` each number is scaled by the mean and variance seen so far.
    """

    dim: Dim = 16
    buckets: Buckets = 1_000_000
    optimizer: RowOptimizer = Adagrad()
    standardise: bool = True

    def check(self, task: str, features: Mapping[str, FeatureSpec]) -> None:
        """Raise `Misfit` for multiclass and for a table that is too large."""
        check_one_output(task, "factorization")
        check_table(self.buckets, self.dim + 1)
