"""Factories as users write them, for the learners' tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from river import base, compose, linear_model, preprocessing

from riverrun.core.predictions import Features
from riverrun.learners.factories import Factories

if TYPE_CHECKING:
    from torch import Tensor

    from riverrun.learners.torch_model import TorchModel

FACTORIES = Factories.parse(f"{__name__}:{name}" for name in ("own_river", "own_torch", "own_sparse_torch"))


class Shrunk(base.Regressor):
    """A regressor that pulls its model's answers towards the mean so far, and dislikes the number 13."""

    def __init__(self, model: Any, share: float) -> None:
        self.model = model
        self.share = share
        self.seen = 0
        self.total = 0.0

    def learn_one(self, x: dict[Any, Any], y: Any) -> None:
        self.seen += 1
        self.total += y
        if x.get("a") == 13.0:
            raise ValueError("unlucky, and too late: something was learned already")
        self.model.learn_one(x, y)

    def predict_one(self, x: dict[Any, Any]) -> float:
        mean = self.total / self.seen if self.seen else 0.0
        own: float = self.model.predict_one(x)
        return self.share * mean + (1 - self.share) * own


def with_square(x: dict[str, float]) -> dict[str, float]:
    """`x` and the square of its ``a``."""
    return {**x, "a squared": x.get("a", 0.0) ** 2}


def own_river() -> Any:
    """A pipeline with a function and a class that River does not know."""
    model = preprocessing.StandardScaler() | linear_model.LinearRegression()
    return compose.FuncTransformer(with_square) | Shrunk(model, 0.1)


def own_torch() -> TorchModel:
    """A network with dropout, batch-independent normalisation and momentum."""
    import torch
    from torch import nn

    from riverrun.learners.torch_model import TorchModel

    def encode(rows: Sequence[Features]) -> tuple[Tensor, ...]:
        if any(row.get("a") == 13.0 for row in rows):
            raise ValueError("unlucky")
        values = [[float(row.get("a") or 0.0), float(row.get("b") or 0.0)] for row in rows]
        return (torch.tensor(values),)

    torch.manual_seed(11)
    module = nn.Sequential(nn.Linear(2, 16), nn.LayerNorm(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.5)
    return TorchModel(module, optimizer, encode)


def own_sparse_torch() -> TorchModel:
    """Sparse embeddings by SparseAdam, one looked up twice and one in bags, and a layer by Adam."""
    import torch
    from torch import nn

    from riverrun.learners.torch_model import TorchModel

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.single = nn.Embedding(50, 4, sparse=True)
            self.bags = nn.EmbeddingBag(70, 4, mode="sum", sparse=True)
            self.out = nn.Linear(5, 1)

        def forward(self, numbers: Tensor, kinds: Tensor, words: Tensor, starts: Tensor) -> Tensor:
            vectors = self.single(kinds) + self.single(kinds + 1) * self.bags(words, starts)
            out: Tensor = self.out(torch.cat([numbers, vectors], dim=1))
            return out

    def encode(rows: Sequence[Features]) -> tuple[Tensor, ...]:
        if any(row.get("a") == 13.0 for row in rows):
            raise ValueError("unlucky")
        numbers = torch.tensor([[float(row.get("a") or 0.0)] for row in rows])
        kinds = torch.tensor([len(str(row.get("kind"))) + int(bool(row.get("flag"))) for row in rows])
        words = [[len(word) for word in str(row.get("words") or "").split()] for row in rows]
        starts = [sum(map(len, words[:i])) for i in range(len(rows))]
        flat = torch.tensor([length for lengths in words for length in lengths], dtype=torch.int64)
        return numbers, kinds, flat, torch.tensor(starts)

    torch.manual_seed(12)
    module = Both()
    rows = torch.optim.SparseAdam([module.single.weight, module.bags.weight], lr=0.01)
    return TorchModel(module, (rows, torch.optim.Adam(module.out.parameters(), lr=0.01)), encode)
