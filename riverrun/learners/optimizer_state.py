"""What optimizers remember, as named tensors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from riverrun.core.errors import InvalidInput

Optimizers = Sequence[torch.optim.Optimizer]

_NUMBER = "="


def optimizer_tensors(optimizers: Optimizers) -> dict[str, Tensor]:
    """Their memory as ``<parameter's index>.<what>``; a plain number's name ends in ``=``.

    Parameters are counted through all optimizers. Settings are not part of it: they are the spec's, or the
    factory's.
    """
    tensors: dict[str, Tensor] = {}
    for i, (optimizer, _, parameter) in enumerate(_parameters(optimizers)):
        for what, value in optimizer.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                tensors[f"{i}.{what}"] = value
            elif isinstance(value, (int, float)):
                dtype = torch.float64 if isinstance(value, float) else torch.int64
                tensors[f"{i}.{what}{_NUMBER}"] = torch.tensor(value, dtype=dtype)
            elif value is not None:
                raise InvalidInput("optimizer", f"{what} is no tensor and no number, and cannot be stored")
    return tensors


def load_optimizers(optimizers: Optimizers, tensors: Mapping[str, Tensor]) -> None:
    """Fill fresh `optimizers` with `tensors`. Raises `InvalidInput` where one belongs to no parameter."""
    parameters = _parameters(optimizers)
    memory: dict[int, dict[str, Any]] = defaultdict(dict)
    for name, tensor in tensors.items():
        index, _, what = name.partition(".")
        if not index.isdecimal() or int(index) >= len(parameters) or not what:
            raise InvalidInput("state", f"{name[:80]} belongs to no parameter of this spec's model")
        is_number = what.endswith(_NUMBER)
        memory[int(index)][what.removesuffix(_NUMBER)] = tensor.item() if is_number else tensor
    for i, remembered in memory.items():
        optimizer, _, parameter = parameters[i]
        optimizer.state[parameter] = remembered


def row_memory(optimizers: Optimizers, table: Tensor) -> dict[str, float] | None:
    """What is remembered for each row of `table`, by name, and the number that all of it begins with.

    None where a step may move, or remember, more than the rows that a sparse gradient has.
    """
    for i, (optimizer, group, parameter) in enumerate(_parameters(optimizers)):
        if parameter is not table:
            continue
        kind = type(optimizer)
        if kind is torch.optim.SGD and not group["momentum"] and not group["weight_decay"]:
            return {}
        if kind is torch.optim.Adagrad and not group["weight_decay"]:
            return {f"{i}.sum": float(group["initial_accumulator_value"])}
        if kind is torch.optim.SparseAdam:
            return {f"{i}.exp_avg": 0.0, f"{i}.exp_avg_sq": 0.0}
        return None
    # A parameter that nobody optimizes is not moved at all.
    return {}


def _parameters(optimizers: Optimizers) -> list[tuple[torch.optim.Optimizer, dict[str, Any], Tensor]]:
    return [
        (o, group, parameter) for o in optimizers for group in o.param_groups for parameter in group["params"]
    ]
