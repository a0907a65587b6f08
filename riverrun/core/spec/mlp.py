"""``model: {mlp: {…}}``: a multi-layer perceptron in PyTorch, as data."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from riverrun.core.catalogue import Misfit
from riverrun.core.predictions import Label
from riverrun.core.spec.misfits import as_misfit
from riverrun.core.spec.policies import SpecPart

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Decay = Annotated[float, Field(ge=0, lt=1)]


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


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
    betas: Annotated[tuple[Decay, Decay], BeforeValidator(_as_tuple)] = (0.9, 0.999)
    eps: Positive = 1e-8
    weight_decay: NotNegative = 0.0
    amsgrad: bool = False


class Adagrad(SpecPart):
    """The arguments are those of ``torch.optim.Adagrad``."""

    lr: Positive = 0.01
    lr_decay: NotNegative = 0.0
    weight_decay: NotNegative = 0.0
    eps: Positive = 1e-10


OPTIMIZERS: dict[str, type[SGD] | type[Adam] | type[Adagrad]] = {"SGD": SGD, "Adam": Adam, "Adagrad": Adagrad}


def _optimizer(value: Any) -> Any:
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


class MlpSpec(SpecPart):
    """A network of dense layers over the features of the spec's schema.

    `hidden` are the widths of the hidden layers, `batch` the examples of one step, `seed` where the
    weights start from. With `standardise` each number is scaled by the mean and variance seen so far.
    Categories and words of texts are hashed into `buckets` per feature. `classes` are the labels in the
    order of the outputs: needed for multiclass and for labels of type category, else false and true (or 0
    and 1).
    """

    hidden: Annotated[
        tuple[Annotated[int, Field(ge=1, le=65536)], ...],
        Field(max_length=16),
        BeforeValidator(_as_tuple),
    ] = (64, 32)
    activation: Literal["relu", "tanh", "sigmoid", "gelu"] = "relu"
    optimizer: Annotated[SGD | Adam | Adagrad, BeforeValidator(_optimizer)] = SGD()
    batch: int = Field(default=1, ge=1, le=65536)
    seed: int = Field(default=0, ge=0, lt=2**63)
    standardise: bool = True
    buckets: int = Field(default=1024, ge=1, le=1 << 24)
    classes: Annotated[
        tuple[Annotated[bool | int | str, Field(union_mode="smart")], ...] | None,
        BeforeValidator(_as_tuple),
    ] = None

    def labels(self, task: str, label_type: str) -> tuple[Label, ...]:
        """The classes in the order of the outputs; empty for regression.

        Raises ValueError where `classes` is missing, or does not fit the task and the type of the label.
        """
        if task == "regression":
            if self.classes is not None:
                raise ValueError("classes goes with classification only")
            return ()
        usual: dict[str, tuple[Label, ...]] = {"bool": (False, True), "int": (0, 1)}
        if self.classes is None:
            if task == "binary" and label_type in usual:
                return usual[label_type]
            raise ValueError("is required: the classes to learn, such as [red, green, blue]")
        wanted = {"bool": bool, "int": int, "category": str}[label_type]
        if any(type(label) is not wanted for label in self.classes):
            raise ValueError(f"expected labels of type {label_type}")
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("a class is given twice")
        if len(self.classes) < 2 or (task == "binary" and len(self.classes) != 2):
            raise ValueError(f"expected {'two classes' if task == 'binary' else 'two classes or more'}")
        return self.classes
