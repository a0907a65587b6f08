"""The factorisation machine that ``model: {factorization: {…}}`` declares."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from riverrun.core.predictions import Label
from riverrun.core.spec.factorization import FactorizationSpec
from riverrun.core.spec.features import FeatureSpec
from riverrun.learners.embedding_table import EmbeddingTable
from riverrun.learners.torch_features import FeatureEncoder
from riverrun.learners.torch_mlp import BOUND, Standardiser, scaled
from riverrun.learners.torch_model import TorchModel
from riverrun.learners.torch_optimizers import build_optimizer


class FactorizationMachine(nn.Module):
    """Degree two, as equation (1) of Rendle (2010), in the linear time of its lemma 3.1.

    Column 0 of the table, and of `numbers`, holds the weights w, the others the vectors v.
    """

    def __init__(self, encoder: FeatureEncoder, declared: FactorizationSpec) -> None:
        super().__init__()
        count, columns = len(encoder.numbers), declared.dim + 1
        self.bias = nn.Parameter(torch.zeros(1))
        self.scale = Standardiser(count) if declared.standardise and count else None
        self.numbers: nn.Parameter | None = None
        if count:
            self.numbers = nn.Parameter(torch.empty(count, columns).uniform_(-BOUND, BOUND))
        self.buckets: EmbeddingTable | None = None
        if encoder.total_buckets:
            self.buckets = EmbeddingTable(encoder.total_buckets, columns, seed=declared.seed, bound=BOUND)

    def forward(self, *inputs: Tensor) -> Tensor:
        """One number for each row of the inputs that `FeatureEncoder` makes."""
        # The sums over i of w_i x_i and v_i x_i, and of the squares of the latter.
        sums, squares = torch.zeros(1), torch.zeros(1)
        if self.numbers is not None:
            x = scaled(inputs[0], self.scale)
            sums = sums + x @ self.numbers
            squares = squares + x**2 @ self.numbers**2
        if self.buckets is not None:
            places, starts = inputs[-2:]
            vectors = self.buckets(places)
            ends = torch.cat([starts[1:], starts.new_tensor([len(places)])])
            rows = torch.repeat_interleave(torch.arange(len(starts)), ends - starts)
            none = vectors.new_zeros(len(starts), vectors.shape[1])
            sums = sums + none.index_add(0, rows, vectors)
            squares = squares + none.index_add(0, rows, vectors**2)
        pairs = (sums[:, 1:] ** 2 - squares[:, 1:]).sum(1) / 2
        return self.bias + sums[:, 0] + pairs


def build_factorization(
    declared: FactorizationSpec, features: Mapping[str, FeatureSpec], classes: tuple[Label, ...]
) -> TorchModel:
    """A fresh machine as declared; the vectors of numbers start from torch's generator."""
    encoder = FeatureEncoder(features, declared.buckets, shared=True)
    module = FactorizationMachine(encoder, declared)
    optimizer = build_optimizer(declared.optimizer, module)
    return TorchModel(module, optimizer, encoder, classes, batch_size=declared.batch)
