"""What starts a retrain: conditions as values, and how often they may."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from pydantic import Field, model_validator

from riverrun.core.catalogue import Misfit
from riverrun.core.spec.policies import SpecPart
from riverrun.core.spec.quantities import Duration, format_duration

ANY_DETECTOR = "any"
"""What a trigger names in place of one detector, where each of them will do."""


class TriggerSpec(SpecPart):
    """One condition, of one kind. All but `schedule` are counted from the retrain before, of whatever cause;
    where there was none, from the first example of the line.

    drift: this detector, or `any`, has found drift; with `since_drift` the retrain learns only examples whose
    time is not before that of the example at which it was found. metric: one of the spec's metrics is `below`
    or `above` a bound. schedule: the clock (UTC) has passed a multiple of this period, `at` after it.
    examples: so many were learned. stale: so much time has gone by. all: each of these conditions holds.
    """

    drift: str | None = None
    since_drift: bool = False
    metric: str | None = None
    below: float | None = None
    above: float | None = None
    schedule: Duration | None = Field(default=None, ge=60)
    at: Duration = 0.0
    examples: int | None = Field(default=None, ge=1)
    stale: Duration | None = Field(default=None, gt=0)
    all: tuple[TriggerSpec, ...] | None = Field(default=None, min_length=1, max_length=8, strict=False)

    @model_validator(mode="after")
    def _is_one_condition(self) -> TriggerSpec:
        kinds = ("drift", "metric", "schedule", "examples", "stale", "all")
        given = [kind for kind in kinds if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(kinds)}")
        bounds = (self.below is not None) + (self.above is not None)
        if bounds != (self.metric is not None):
            raise Misfit(("metric",), "goes with below or above, one of them, and they with it")
        if self.at and (self.schedule is None or self.at >= self.schedule):
            raise Misfit(("at",), "goes with schedule, and is shorter than it")
        if self.since_drift and self.drift is None:
            raise Misfit(("since_drift",), "goes with drift")
        if self.all is not None and any(inner.all is not None for inner in self.all):
            raise Misfit(("all",), "holds conditions, not another all")
        return self

    def parts(self) -> Iterator[TriggerSpec]:
        """This condition, or those that it holds."""
        yield from self.all or (self,)

    def describe(self) -> str:
        """The condition in words, for people and for the record of a retrain."""
        if self.all is not None:
            return " and ".join(part.describe() for part in self.all)
        if self.drift is not None:
            return "drift" if self.drift == ANY_DETECTOR else f"drift by {self.drift}"
        if self.metric is not None:
            bound = f"below {self.below:g}" if self.below is not None else f"above {self.above:g}"
            return f"{self.metric} {bound}"
        if self.schedule is not None:
            return f"every {format_duration(self.schedule)}"
        if self.examples is not None:
            return f"{self.examples} examples"
        return f"{format_duration(self.stale or 0)} without a retrain"


class BudgetSpec(SpecPart):
    """At most `retrains` that triggers start within any `per`; those started by hand count as well."""

    retrains: int = Field(ge=1, le=64)
    per: Duration = Field(gt=0)


def check_triggers(when: Sequence[TriggerSpec], detectors: Collection[str], metrics: Collection[str]) -> None:
    """Raise `Misfit` for a trigger that names a detector or a metric that the spec does not have."""
    for i, trigger in enumerate(when):
        for j, part in enumerate(trigger.parts()):
            path = (i,) if trigger.all is None else (i, "all", j)
            if part.drift is not None and part.drift not in {*detectors, ANY_DETECTOR}:
                raise Misfit((*path, "drift"), f"{part.drift} is no detector under drift")
            if part.drift == ANY_DETECTOR and not detectors:
                raise Misfit((*path, "drift"), "needs a detector under drift")
            if part.metric is not None and part.metric not in metrics:
                raise Misfit((*path, "metric"), f"{part.metric} is not among metrics")
