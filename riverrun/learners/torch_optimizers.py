"""The optimizers that a spec declares."""

from __future__ import annotations

import torch
from torch import nn

from riverrun.core.spec.torch_optimizers import SGD, Adagrad, Adam, OptimizerSpec, SparseAdam
from riverrun.learners.embedding_table import tables_of

Optimizers = torch.optim.Optimizer | tuple[torch.optim.Optimizer, ...]


def build_optimizer(declared: OptimizerSpec, module: nn.Module) -> Optimizers:
    """What `declared` says, over all parameters of `module`."""
    arguments = declared.model_dump()
    match declared:
        case SGD():
            return torch.optim.SGD(module.parameters(), **arguments)
        case Adam():
            return torch.optim.Adam(module.parameters(), **arguments)
        case Adagrad():
            return torch.optim.Adagrad(module.parameters(), **arguments)
        case SparseAdam():
            return _sparse_adam(module, arguments)


def _sparse_adam(module: nn.Module, arguments: dict[str, object]) -> Optimizers:
    tables = [facts.parameter for facts in tables_of(module).values()]
    of_tables = {id(table) for table in tables}
    others = [parameter for parameter in module.parameters() if id(parameter) not in of_tables]
    made: list[torch.optim.Optimizer] = []
    if tables:
        made.append(torch.optim.SparseAdam(tables, **arguments))  # type: ignore[arg-type]
    if others:
        made.append(torch.optim.Adam(others, **arguments))  # type: ignore[arg-type]
    return tuple(made)
