"""What every declared torch model has in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from riverrun.core.catalogue import Misfit
from riverrun.core.predictions import Label
from riverrun.core.spec.features import FeatureSpec
from riverrun.core.spec.policies import SpecPart
from riverrun.core.spec.torch_optimizers import as_tuple

MAX_TABLE = 1 << 28
"""Numbers of one table: 1 GiB of 32-bit floats."""

Widths = Annotated[
    tuple[Annotated[int, Field(ge=1, le=65536)], ...], Field(max_length=16), BeforeValidator(as_tuple)
]
Buckets = Annotated[int, Field(ge=1, le=1 << 24)]
Dim = Annotated[int, Field(ge=1, le=4096)]
Activation = Literal["relu", "tanh", "sigmoid", "gelu"]


class TorchSpec(SpecPart):
    """A torch model as data.

    `batch` are the examples of one step, `seed` is where the weights start from. `classes` are the labels
    in the order of the outputs: needed for multiclass and for labels of type category, else false and true
    (or 0 and 1).
    """

    batch: int = Field(default=1, ge=1, le=65536)
    seed: int = Field(default=0, ge=0, lt=2**63)
    classes: Annotated[
        tuple[Annotated[bool | int | str, Field(union_mode="smart")], ...] | None,
        BeforeValidator(as_tuple),
    ] = None

    def check(self, task: str, features: Mapping[str, FeatureSpec]) -> None:
        """Raise `Misfit`, by the path from here, where the model does not go with the rest of the spec."""

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


def hashed(features: Mapping[str, FeatureSpec], names: Iterable[str] | None = None) -> list[str]:
    """The features that are hashed into buckets, of those in `names` or of all."""
    chosen = features if names is None else names
    return [name for name in chosen if features[name].type in ("category", "text")]


def check_one_output(task: str, model: str) -> None:
    """Raise `Misfit` for a task that takes more than one output."""
    if task == "multiclass":
        raise Misfit((), f"{model} answers binary and regression tasks; for multiclass there is mlp")


def check_table(rows: int, columns: int) -> None:
    """Raise `Misfit` for a table that no process should hold."""
    if rows * columns > MAX_TABLE:
        raise Misfit(
            ("buckets",), f"makes a table of {rows} rows of {columns} numbers; expected at most {MAX_TABLE}"
        )
