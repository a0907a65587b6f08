"""A figure: one measured value beside its reference and its target, printed as one JSON line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value.

    `reference` says what `reference_value` is of, measured in the same run on the same machine. `ratio` is
    value / reference_value. `target` is in words, and `holds` is whether it was met, None where there is
    no target. `note` says under which conditions. A value is None where there was nothing to measure, such as
    how long it took until something that never happened.
    """

    name: str
    value: float | None
    unit: str
    reference: str = ""
    reference_value: float | None = None
    ratio: float | None = None
    target: str = ""
    holds: bool | None = None
    note: str = ""

    def line(self) -> str:
        """The figure as one line of JSON."""
        return json.dumps(asdict(self), allow_nan=False)


def against(
    name: str,
    value: float,
    unit: str,
    *,
    reference: str,
    reference_value: float,
    at_least: float | None = None,
    better: Literal["higher", "lower"] = "higher",
    note: str = "",
) -> Figure:
    """A figure beside its reference.

    With `at_least` the target is that share of the reference; without it, to be ahead of the reference.
    """
    ratio = value / reference_value
    if at_least is not None:
        target, holds = f">= {at_least:g} x the reference", ratio >= at_least
    else:
        target, holds = "ahead of the reference", ratio > 1 if better == "higher" else ratio < 1
    return Figure(
        name, rounded(value), unit, reference, rounded(reference_value), rounded(ratio), target, holds, note
    )


def bounded(
    name: str,
    value: float,
    unit: str,
    *,
    at_most: float,
    reference: str,
    reference_value: float,
    note: str = "",
) -> Figure:
    """A figure beside its reference whose target is an upper bound, whatever the reference does."""
    return Figure(
        name,
        rounded(value),
        unit,
        reference,
        rounded(reference_value),
        rounded(value / reference_value),
        f"<= {at_most:g} {unit}",
        value <= at_most,
        note,
    )


def rounded(value: float) -> float:
    """`value` with four significant digits: more would be noise."""
    return float(f"{value:.4g}")
