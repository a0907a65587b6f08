"""Tables of vectors, of which a step moves the rows of its batch only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from riverrun.learners.table_start import Seeded, Start, fill


class EmbeddingTable(nn.Module):
    """`rows` vectors of `columns` numbers, which begin evenly spread over [-`bound`, `bound`).

    How they begin follows from `seed`, so that a reader computes it too and untouched rows are never sent.
    With `sparse` gradients hold touched rows only, as those of ``torch.nn.Embedding(sparse=True)``: for
    SGD without momentum, Adagrad and SparseAdam, without weight decay.
    """

    def __init__(self, rows: int, columns: int, *, seed: int, bound: float, sparse: bool = True) -> None:
        super().__init__()
        self.sparse = sparse
        self.start = Seeded(seed, bound)
        self.weight = nn.Parameter(torch.empty(rows, columns))
        fill(self.weight.detach().view(-1).numpy(), self.start)

    def extra_repr(self) -> str:
        """What a table is built of, as torch shows it."""
        rows, columns = self.weight.shape
        return f"{rows}, {columns}, sparse={self.sparse}"

    def forward(self, places: Tensor) -> Tensor:
        """The vectors at `places`."""
        return nn.functional.embedding(places, self.weight, sparse=self.sparse)

    def sums(self, places: Tensor, starts: Tensor) -> Tensor:
        """The sum of the vectors of each run of `places` that begins at one of `starts`."""
        return nn.functional.embedding_bag(places, self.weight, starts, mode="sum", sparse=self.sparse)


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What is known of a parameter of a module that is a table of rows.

    `start` is how it begins, None where nobody else can know. `sparse` says that gradients tell which rows
    were touched.
    """

    parameter: Tensor
    start: Start | None
    sparse: bool


def tables_of(module: nn.Module) -> Mapping[str, TableFacts]:
    """The tables of `module`, by the names of their parameters."""
    return dict(_tables(module))


def _tables(module: nn.Module) -> Iterator[tuple[str, TableFacts]]:
    for path, part in module.named_modules(remove_duplicate=False):
        name = f"{path}.weight" if path else "weight"
        if isinstance(part, EmbeddingTable):
            yield name, TableFacts(part.weight, part.start, part.sparse)
        elif isinstance(part, (nn.Embedding, nn.EmbeddingBag)) and part.sparse and part.max_norm is None:
            # With max_norm, looking a row up changes it.
            yield name, TableFacts(part.weight, None, True)
