"""The tensors of a module, by the names they have in units."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import TypeVar

from torch import Tensor, nn

from riverrun.core.errors import InvalidInput, InvalidSpec
from riverrun.core.units import Unit
from riverrun.learners.embedding_table import tables_of
from riverrun.learners.tensor_units import Spans, loading

MODULE = "module."
"""What the names of the module's own tensors begin with in units."""

T = TypeVar("T")


def module_tensors(module: nn.Module) -> dict[str, Tensor]:
    """All that prediction reads, in the module's own memory.

    Raises `InvalidSpec` for state that is no tensor, or is made when it is asked for.
    """
    parameters = module.named_parameters(remove_duplicate=False)
    own = {**dict(parameters), **dict(module.named_buffers(remove_duplicate=False))}
    tensors = {}
    for name, value in module.state_dict(keep_vars=True).items():
        tensor = own.get(name)
        if tensor is None or value is not tensor:
            raise InvalidSpec(
                "factory", f"the module's state has {name}, which is no parameter and no buffer"
            )
        tensors[MODULE + name] = tensor.detach()
    return tensors


def lay_out(module: nn.Module) -> None:
    """Put each tensor of `module` into a piece of memory without gaps, so that units can be written to it."""
    for tensor in module.state_dict(keep_vars=True).values():
        if isinstance(tensor, Tensor) and not tensor.is_contiguous():
            tensor.data = tensor.detach().contiguous()


def load_module(module: nn.Module, spans: Spans, units: Mapping[int, Unit]) -> None:
    """`loading_module`, all at once."""
    deque(loading_module(module, spans, units), maxlen=0)


def loading_module(module: nn.Module, spans: Spans, units: Mapping[int, Unit]) -> Iterator[None]:
    """Fill a fresh `module` with the whole of `units`, in steps.

    Raises `InvalidInput` unless they fit exactly.
    """
    starts = {name: facts.start for name, facts in tables_of(module).items() if facts.start is not None}
    return loading(spans, units, module_tensors(module), named(MODULE, starts))


def copy_module(found: nn.Module, own: nn.Module) -> None:
    """Give `own` what `found` holds. Raises `InvalidInput` where that has other tensors."""
    held = module_tensors(found)
    for name, tensor in module_tensors(own).items():
        other = held.get(name)
        if other is None or other.shape != tensor.shape or other.dtype != tensor.dtype:
            raise InvalidInput("state", f"tensor {name[:80]} is not as this spec's model has it")
        tensor.copy_(other)


def named(prefix: str, things: Mapping[str, T]) -> dict[str, T]:
    """`things` with `prefix` before each name."""
    return {prefix + name: thing for name, thing in things.items()}


def without_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """`tensors` by their names after `prefix`. Raises `InvalidInput` for one that does not begin with it."""
    if any(not name.startswith(prefix) for name in tensors):
        raise InvalidInput("state", "not the state of a torch learner")
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
