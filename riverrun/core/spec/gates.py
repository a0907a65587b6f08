"""What must hold of a version before, or just after, it answers; and what follows where it does not."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from riverrun.core.catalogue import Misfit
from riverrun.core.spec.policies import SpecPart
from riverrun.core.spec.quantities import Duration, Share

GateMode = Literal["off", "shadow", "enforce"]


class ProbesSpec(SpecPart):
    """Recent `rows` whose answers are compared from version to version; none of them may change by more.

    A class changes by the difference of its shares. A number changes by its difference as a share of itself
    and the usual distance of labels from their mean: 50 % is one such distance.
    """

    rows: int = Field(default=8, ge=1, le=256)
    change: Share = 0.9


class BoundsSpec(SpecPart):
    """What no version may leave; one that does is not pushed.

    `norm` bounds the Euclidean norm of the weights: those of River's linear models, and the tensors of torch
    models; others have none. `step` bounds the distance from the version before, as a multiple of that one's
    norm or of 1, whichever is larger.
    """

    norm: float = Field(default=1e12, gt=0, allow_inf_nan=False)
    step: float = Field(default=1e6, gt=0, allow_inf_nan=False)
    probes: ProbesSpec | None = None


class RollbackSpec(SpecPart):
    """When `live` is rolled back by itself: once `metric` of what it answered was beyond its bound in
    `windows` windows, one after the other, of `over` examples each.
    """

    metric: str
    below: float | None = Field(default=None, allow_inf_nan=False)
    above: float | None = Field(default=None, allow_inf_nan=False)
    over: int = Field(default=1_000, ge=10)
    windows: int = Field(default=2, ge=1, le=100)

    @model_validator(mode="after")
    def _one_bound(self) -> RollbackSpec:
        if (self.below is None) == (self.above is None):
            raise ValueError("give exactly one of below and above")
        return self

    def is_breached_by(self, value: float) -> bool:
        """Whether `value` is beyond the bound."""
        return value < self.below if self.below is not None else value > (self.above or 0.0)

    def describe(self) -> str:
        """The bound in words."""
        return f"below {self.below:g}" if self.below is not None else f"above {self.above or 0.0:g}"


class GateSpec(SpecPart):
    """Which versions may answer.

    `bounds` hold in every mode. The others judge windows of `window` examples, on each of which the newest
    weights are compared with the newest good version. With `shadow` live follows every push, and is held at
    a good version when a window is refused; with `enforce` pushes move `candidate`, and live moves when a
    window passes. A window is refused when the newest weights are surely worse by more than `margin` of
    loss, and when labels surely contradict the good version; each with a chance of error of `alpha` at most.
    Labels that contradict it for `patience` of event time are believed.

    With `holdout_margin` a window passes only if the newest weights are not surely worse, by more than that,
    on the old examples of the holdout.

    `on_refusal` says whether learning goes back to the last good version, or goes on.
    """

    mode: GateMode = "off"
    window: int = Field(default=1_000, ge=20, le=1_000_000)
    margin: float = Field(default=0.01, ge=0, lt=1)
    alpha: float = Field(default=0.01, gt=0, le=0.5)
    patience: Duration = Field(default=3_600.0, gt=0)
    holdout_margin: float | None = Field(default=None, ge=0, lt=1)
    on_refusal: Literal["reset", "continue"] = "reset"
    bounds: BoundsSpec = BoundsSpec()
    rollback: RollbackSpec | None = None

    @model_validator(mode="after")
    def _fits_mode(self) -> GateSpec:
        if self.mode == "off":
            given = self.model_fields_set & {"window", "margin", "alpha", "patience", "holdout_margin"}
            for key in sorted(given):
                raise Misfit((key,), "goes with mode shadow or enforce")
        return self
