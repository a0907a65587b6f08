"""The multi-layer perceptron that ``model: {mlp: {…}}`` declares."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from riverrun.core.spec.mlp import SGD, Adagrad, Adam, MlpSpec
from riverrun.core.spec.model_check import mlp_declaration
from riverrun.core.spec.model_spec import ModelSpec
from riverrun.learners.torch_features import FeatureEncoder
from riverrun.learners.torch_model import TorchModel

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

    def __init__(self, encoder: FeatureEncoder, spec: MlpSpec, outputs: int) -> None:
        super().__init__()
        widths = [*spec.hidden, outputs]
        count = len(encoder.numbers)
        self.scale = Standardiser(count) if spec.standardise and count else None
        self.numbers = nn.Linear(count, widths[0]) if count else None
        self.buckets: nn.EmbeddingBag | None = None
        if encoder.total_buckets:
            self.buckets = nn.EmbeddingBag(encoder.total_buckets, widths[0], mode="sum")
            nn.init.normal_(self.buckets.weight, std=0.01)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self._activation = _ACTIVATIONS[spec.activation]

    def forward(self, *inputs: Tensor) -> Tensor:
        """The outputs for the inputs that `FeatureEncoder` makes."""
        x = torch.zeros(1)
        if self.numbers is not None:
            numbers = inputs[0]
            x = torch.nan_to_num(numbers, nan=0.0).float() if self.scale is None else self.scale(numbers)
            x = self.numbers(x)
        if self.buckets is not None:
            places, starts = inputs[-2:]
            x = x + self.buckets(places, starts)
        for layer in self.layers:
            x = layer(self._activation(x))
        return x


def build_mlp(spec: ModelSpec) -> TorchModel:
    """A fresh network as `spec` declares it, the same at every call."""
    declared = mlp_declaration(spec)
    assert spec.features is not None  # checked by mlp_declaration
    classes = declared.labels(spec.task, spec.label_type)
    encoder = FeatureEncoder(spec.features, declared.buckets)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(declared.seed)
        module = Mlp(encoder, declared, len(classes) if spec.task == "multiclass" else 1)
    optimizer = _optimizer(declared.optimizer, module)
    return TorchModel(module, optimizer, encoder, classes, batch_size=declared.batch)


def _optimizer(spec: SGD | Adam | Adagrad, module: nn.Module) -> torch.optim.Optimizer:
    arguments = spec.model_dump()
    match spec:
        case SGD():
            return torch.optim.SGD(module.parameters(), **arguments)
        case Adam():
            return torch.optim.Adam(module.parameters(), **arguments)
    return torch.optim.Adagrad(module.parameters(), **arguments)
