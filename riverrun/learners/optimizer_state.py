"""What an optimizer remembers, as named tensors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from riverrun.core.errors import InvalidInput

_NUMBER = "="


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's memory as ``<parameter's index>.<what>``; a plain number's name ends in ``=``.

    Its settings are not part of it: they are the spec's, or the factory's.
    """
    tensors: dict[str, Tensor] = {}
    for i, parameter in enumerate(_parameters(optimizer)):
        for what, value in optimizer.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                tensors[f"{i}.{what}"] = value
            elif isinstance(value, (int, float)):
                dtype = torch.float64 if isinstance(value, float) else torch.int64
                tensors[f"{i}.{what}{_NUMBER}"] = torch.tensor(value, dtype=dtype)
            elif value is not None:
                raise InvalidInput("optimizer", f"{what} is no tensor and no number, and cannot be stored")
    return tensors


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Fill a fresh `optimizer` with `tensors`. Raises `InvalidInput` where one belongs to no parameter."""
    parameters = _parameters(optimizer)
    memory: dict[int, dict[str, Any]] = defaultdict(dict)
    for name, tensor in tensors.items():
        index, _, what = name.partition(".")
        if not index.isdecimal() or int(index) >= len(parameters) or not what:
            raise InvalidInput("state", f"{name[:80]} belongs to no parameter of this spec's model")
        is_number = what.endswith(_NUMBER)
        memory[int(index)][what.removesuffix(_NUMBER)] = tensor.item() if is_number else tensor
    for i, remembered in memory.items():
        optimizer.state[parameters[i]] = remembered


def _parameters(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
