"""The multi-layer perceptron that ``model: {mlp: {…}}`` declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from riverrun.core.predictions import Label
from riverrun.core.spec.features import FeatureSpec
from riverrun.core.spec.mlp import MlpSpec
from riverrun.core.spec.torch_optimizers import moves_rows_only
from riverrun.learners.embedding_table import EmbeddingTable
from riverrun.learners.torch_features import FeatureEncoder
from riverrun.learners.torch_model import TorchModel
from riverrun.learners.torch_optimizers import build_optimizer

BOUND = 0.01
"""Vectors of buckets start evenly spread between this and its negative."""

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "gelu": nn.functional.gelu,
}


class Standardiser(nn.Module):
    """Scales each column by the mean and variance of all that was seen in training; a NaN becomes 0.

    In training mode a batch counts before it is scaled. A column that never varied becomes 0.
    """

    count: Tensor
    mean: Tensor
    squares: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        for name in ("count", "mean", "squares"):
            self.register_buffer(name, torch.zeros(width, dtype=torch.float64))

    def forward(self, numbers: Tensor) -> Tensor:
        """`numbers` scaled, as 32-bit floats."""
        if self.training:
            self._observe(numbers)
        scale = torch.where(self.squares > 0, torch.sqrt(self.count / self.squares), 0.0)
        return torch.nan_to_num((numbers - self.mean) * scale, nan=0.0).float()

    def _observe(self, numbers: Tensor) -> None:
        # Two sums of squares are joined as Chan, Golub and LeVeque do, which stays exact in long runs.
        present = ~torch.isnan(numbers)
        count = present.sum(0)
        divisor = count.clamp(min=1)
        mean = torch.where(present, numbers, 0.0).sum(0) / divisor
        squares = torch.where(present, (numbers - mean) ** 2, 0.0).sum(0)
        total = self.count + count
        shift = torch.where(count > 0, mean - self.mean, 0.0)
        self.mean += shift * count / total.clamp(min=1)
        self.squares += squares + shift**2 * self.count * count / total.clamp(min=1)
        self.count.copy_(total)


class Mlp(nn.Module):
    """Dense layers over scaled numbers; the first adds one learned vector for each bucket a row is in."""

    def __init__(
        self,
        encoder: FeatureEncoder,
        widths: Sequence[int],
        activation: str,
        *,
        standardise: bool,
        table: Callable[[int, int], EmbeddingTable],
    ) -> None:
        """`widths` are those of all layers, the outputs last; `table` makes the vectors of buckets."""
        super().__init__()
        count = len(encoder.numbers)
        self.scale = Standardiser(count) if standardise and count else None
        self.numbers = nn.Linear(count, widths[0]) if count else None
        self.buckets = table(encoder.total_buckets, widths[0]) if encoder.total_buckets else None
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self._activation = _ACTIVATIONS[activation]

    def forward(self, *inputs: Tensor) -> Tensor:
        """The outputs for the inputs that `FeatureEncoder` makes."""
        x = torch.zeros(1)
        if self.numbers is not None:
            x = self.numbers(scaled(inputs[0], self.scale))
        if self.buckets is not None:
            x = x + self.buckets.sums(*inputs[-2:])
        for layer in self.layers:
            x = layer(self._activation(x))
        return x


def scaled(numbers: Tensor, scale: Standardiser | None) -> Tensor:
    """`numbers` as 32-bit floats, scaled where there is a `scale`; what is missing is 0."""
    return torch.nan_to_num(numbers, nan=0.0).float() if scale is None else cast("Tensor", scale(numbers))


def build_mlp(
    declared: MlpSpec, task: str, features: Mapping[str, FeatureSpec], classes: tuple[Label, ...]
) -> TorchModel:
    """A fresh network as declared; its layers start from torch's generator."""
    encoder = FeatureEncoder(features, declared.buckets)
    outputs = len(classes) if task == "multiclass" else 1
    sparse = moves_rows_only(declared.optimizer)

    def table(rows: int, columns: int) -> EmbeddingTable:
        return EmbeddingTable(rows, columns, seed=declared.seed, bound=BOUND, sparse=sparse)

    module = Mlp(
        encoder,
        [*declared.hidden, outputs],
        declared.activation,
        standardise=declared.standardise,
        table=table,
    )
    optimizer = build_optimizer(declared.optimizer, module)
    return TorchModel(module, optimizer, encoder, classes, batch_size=declared.batch)
