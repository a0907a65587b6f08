"""The two towers that ``model: {two_tower: {…}}`` declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from riverrun.core.predictions import Features, Label
from riverrun.core.spec.features import FeatureSpec
from riverrun.core.spec.two_tower import TowerSpec, TwoTowerSpec
from riverrun.learners.embedding_table import EmbeddingTable
from riverrun.learners.torch_features import FeatureEncoder
from riverrun.learners.torch_mlp import Mlp
from riverrun.learners.torch_model import TorchModel
from riverrun.learners.torch_optimizers import build_optimizer

_SEEDS = 1 << 64


class TowerEncoder:
    """Rows as the inputs of the user's tower, then those of the item's."""

    def __init__(self, schema: Mapping[str, FeatureSpec], declared: TwoTowerSpec) -> None:
        self.user, self.item = (
            FeatureEncoder({name: schema[name] for name in tower.features}, tower.buckets)
            for tower in (declared.user, declared.item)
        )

    def __call__(self, rows: Sequence[Features]) -> tuple[Tensor, ...]:
        """The inputs for `rows`. Raises `InvalidInput` naming a feature of the wrong type."""
        return self.user(rows) + self.item(rows)


class TwoTower(nn.Module):
    """The product of what two perceptrons make of users and of items, and a bias."""

    def __init__(self, encoder: TowerEncoder, declared: TwoTowerSpec) -> None:
        super().__init__()
        self.user = _tower(declared, declared.user, encoder.user, 2 * declared.seed)
        self.item = _tower(declared, declared.item, encoder.item, 2 * declared.seed + 1)
        self.bias = nn.Parameter(torch.zeros(1))
        self._user_inputs = encoder.user.inputs

    def forward(self, *inputs: Tensor) -> Tensor:
        """One number for each row of the inputs that `TowerEncoder` makes."""
        user = self.user(*inputs[: self._user_inputs])
        item = self.item(*inputs[self._user_inputs :])
        product: Tensor = (user * item).sum(1)
        return self.bias + product


def _tower(declared: TwoTowerSpec, tower: TowerSpec, encoder: FeatureEncoder, seed: int) -> Mlp:
    # Two vectors that both start near 0 would take long to leave it: each moves by the other.
    bound: float = declared.dim**-0.5
    return Mlp(
        encoder,
        [*tower.hidden, declared.dim],
        declared.activation,
        standardise=declared.standardise,
        table=lambda rows, columns: EmbeddingTable(rows, columns, seed=seed % _SEEDS, bound=bound),
    )


def build_two_tower(
    declared: TwoTowerSpec, features: Mapping[str, FeatureSpec], classes: tuple[Label, ...]
) -> TorchModel:
    """Fresh towers as declared; their dense layers start from torch's generator."""
    encoder = TowerEncoder(features, declared)
    module = TwoTower(encoder, declared)
    optimizer = build_optimizer(declared.optimizer, module)
    return TorchModel(module, optimizer, encoder, classes, batch_size=declared.batch)
