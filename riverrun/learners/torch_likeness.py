"""Whether a module and its optimizer are of the structure that a spec declares, whatever they learned."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from riverrun.core.errors import InvalidInput


def check_module(found: object, declared: nn.Module, path: str = "model") -> None:
    """Raise `InvalidInput` naming the first part of `found` that is not as it is in `declared`."""
    if type(found) is not type(declared):
        raise InvalidInput(path, f"expected {_name(declared)}, as the spec has it, found {_name(found)}")
    assert isinstance(found, nn.Module)
    if found.extra_repr() != declared.extra_repr():
        told = f"expected {declared.extra_repr()}, as the spec has it, found {found.extra_repr()}"
        raise InvalidInput(path, told)
    settings = _settings(found)
    for name, value in _settings(declared).items():
        if name not in settings or settings[name] != value:
            told = f"expected {value!r}, as the spec has it, found {settings.get(name)!r}"
            raise InvalidInput(f"{path}.{name}", told)
    children, others = dict(declared.named_children()), dict(found.named_children())
    if list(children) != list(others):
        told = f"expected {', '.join(children)}, as the spec has it, found {', '.join(others)}"
        raise InvalidInput(path, told)
    for name, child in children.items():
        check_module(others[name], child, f"{path}.{name}")


def _settings(module: nn.Module) -> dict[str, object]:
    """What a module computes with beside its tensors and parts: plain values and functions."""
    kept = {name: value for name, value in vars(module).items() if name != "training"}
    return {n: v for n, v in kept.items() if isinstance(v, (int, float, str)) or inspect.isroutine(v)}


def check_optimizers(
    found: Sequence[torch.optim.Optimizer], declared: Sequence[torch.optim.Optimizer]
) -> None:
    """Raise `InvalidInput` unless `found` are of the classes of `declared`, with the same settings."""
    if len(found) != len(declared):
        raise InvalidInput("optimizer", f"expected {len(declared)}, as the spec has it, found {len(found)}")
    for one, other in zip(found, declared, strict=True):
        _check_optimizer(one, other)


def _check_optimizer(found: torch.optim.Optimizer, declared: torch.optim.Optimizer) -> None:
    if type(found) is not type(declared):
        told = f"expected {_name(declared)}, as the spec has it, found {_name(found)}"
        raise InvalidInput("optimizer", told)
    groups, others = declared.param_groups, found.param_groups
    if len(groups) != len(others):
        raise InvalidInput("optimizer", f"expected {len(groups)} groups, found {len(others)}")
    for group, other in zip(groups, others, strict=True):
        for setting, value in group.items():
            if setting == "params":
                continue
            if setting not in other or not _equal(other[setting], value):
                told = f"expected {value!r}, as the spec has it, found {other.get(setting)!r}"
                raise InvalidInput(f"optimizer.{setting}", told)


def _equal(a: object, b: object) -> bool:
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return isinstance(a, Tensor) and isinstance(b, Tensor) and torch.equal(a, b)
    return a == b


def _name(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
