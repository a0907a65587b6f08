"""What is judged apart: examples that are never learned, and parts of the stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from riverrun.core.catalogue import Misfit
from riverrun.core.spec.policies import SpecPart
from riverrun.core.spec.quantities import ShareOrNone
from riverrun.core.spec.torch_optimizers import as_tuple

MAX_SLICES = 16
"""Features by which a model may be sliced."""


class HoldoutSpec(SpecPart):
    """Examples that are never learned: this `share`, chosen by a hash of their ids.

    The newest `recent` of them are kept, and of all before those a uniform sample of `history`.
    """

    share: ShareOrNone = 0.0
    history: int = Field(default=500, ge=1, le=100_000)
    recent: int = Field(default=500, ge=1, le=100_000)


class EvaluationSpec(SpecPart):
    """What is told of answers beside the metrics.

    `calibration`: whether the shares that are answered are the shares that come true. `distributions`: how
    far features and answers are from what they were in the first `window` examples, window by window.
    """

    calibration: bool = False
    distributions: bool = False
    window: int = Field(default=1_000, ge=50, le=5_000)


class SliceSpec(SpecPart):
    """A feature by whose values answers are judged apart: each category, true and false, or the numbers
    between `edges`. The first `values` that come are kept apart; all others are one slice.
    """

    feature: str
    edges: Annotated[tuple[Annotated[float, Field(allow_inf_nan=False)], ...], BeforeValidator(as_tuple)] = ()
    values: int = Field(default=50, ge=1, le=200)


def read_slices(value: Any) -> Any:
    """`slices` as written: a list of names of features, or of mappings. Raises ValueError."""
    if not isinstance(value, (list, tuple)) or len(value) > MAX_SLICES:
        raise ValueError(f"expected a list of at most {MAX_SLICES} features, such as [carrier]")
    return tuple({"feature": one} if isinstance(one, str) else one for one in value)


Slices = Annotated[tuple[SliceSpec, ...], BeforeValidator(read_slices)]


def check_slices(slices: tuple[SliceSpec, ...], types: Mapping[str, str] | None) -> None:
    """Raise `Misfit` for a slice by a feature that is not there, is given twice, or has other edges.

    `types` are the features' types by name, None where the spec declares none.
    """
    for i, one in enumerate(slices):
        if one.feature in [other.feature for other in slices[:i]]:
            raise Misfit(("slices", i), f"{one.feature} is given twice")
        kind = None if types is None else types.get(one.feature)
        if types is not None and kind is None:
            raise Misfit(("slices", i), f"{one.feature} is not among features")
        if list(one.edges) != sorted(set(one.edges)):
            raise Misfit(("slices", i, "edges"), "expected rising numbers")
        if kind in ("float", "int") and not one.edges:
            raise Misfit(("slices", i), f"{one.feature} is a number: give edges, such as [100, 1000]")
        if kind in ("category", "text", "bool") and one.edges:
            raise Misfit(("slices", i, "edges"), "goes with numbers only")
