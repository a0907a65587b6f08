"""``optimizer:`` of a torch model, as data."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from riverrun.core.catalogue import Misfit
from riverrun.core.spec.misfits import as_misfit
from riverrun.core.spec.policies import SpecPart

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Decay = Annotated[float, Field(ge=0, lt=1)]


def as_tuple(value: Any) -> Any:
    """`value` as strict models take it: lists are how YAML writes tuples."""
    return tuple(value) if isinstance(value, list) else value


Betas = Annotated[tuple[Decay, Decay], BeforeValidator(as_tuple)]


class SGD(SpecPart):
    """Stochastic gradient descent; the arguments are those of ``torch.optim.SGD``."""

    lr: Positive = 0.01
    momentum: Decay = 0.0
    dampening: NotNegative = 0.0
    weight_decay: NotNegative = 0.0
    nesterov: bool = False


class Adam(SpecPart):
    """The arguments are those of ``torch.optim.Adam``."""

    lr: Positive = 0.001
    betas: Betas = (0.9, 0.999)
    eps: Positive = 1e-8
    weight_decay: NotNegative = 0.0
    amsgrad: bool = False


class SparseAdam(SpecPart):
    """``torch.optim.SparseAdam`` for tables, of which it moves the rows of a step only; Adam for the rest."""

    lr: Positive = 0.001
    betas: Betas = (0.9, 0.999)
    eps: Positive = 1e-8


class Adagrad(SpecPart):
    """The arguments are those of ``torch.optim.Adagrad``."""

    lr: Positive = 0.01
    lr_decay: NotNegative = 0.0
    weight_decay: NotNegative = 0.0
    eps: Positive = 1e-10


OptimizerSpec = SGD | Adam | SparseAdam | Adagrad

OPTIMIZERS: dict[str, type[OptimizerSpec]] = {
    "SGD": SGD,
    "Adam": Adam,
    "Adagrad": Adagrad,
    "SparseAdam": SparseAdam,
}
_MOVES_ALL = "moves every row of a table at each step"


def moves_rows_only(optimizer: OptimizerSpec) -> bool:
    """Whether a step leaves the rows of a table alone that its examples do not name."""
    return _mover(optimizer) is None


def _mover(optimizer: OptimizerSpec) -> tuple[str, ...] | None:
    """The path to what moves every row at each step, None where nothing does."""
    name = type(optimizer).__name__
    if isinstance(optimizer, Adam):
        return (name,)
    for argument in ("momentum", "weight_decay"):
        if getattr(optimizer, argument, 0):
            return name, argument
    return None


def read_optimizer(value: Any) -> OptimizerSpec:
    """The optimizer that `value` declares: a name, or a name with its arguments. Raises ValueError."""
    name, arguments = value, None
    if isinstance(value, dict) and len(value) == 1:
        ((name, arguments),) = value.items()
    kind = OPTIMIZERS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"expected one of {', '.join(OPTIMIZERS)}, such as {{SGD: {{lr: 0.01}}}}")
    try:
        return kind.model_validate({} if arguments is None else arguments)
    except ValidationError as error:
        inner = as_misfit(error)
        raise Misfit((name, *inner.path), inner.message) from error


def read_row_optimizer(value: Any) -> OptimizerSpec:
    """As `read_optimizer`, for a model that is mostly a table. Raises ValueError for what moves all of it."""
    optimizer = read_optimizer(value)
    mover = _mover(optimizer)
    if mover is not None:
        instead = "SparseAdam moves those of the batch" if mover == ("Adam",) else "leave it out"
        raise Misfit(mover, f"{_MOVES_ALL}; {instead}")
    return optimizer


AnyOptimizer = Annotated[OptimizerSpec, BeforeValidator(read_optimizer)]
RowOptimizer = Annotated[OptimizerSpec, BeforeValidator(read_row_optimizer)]
