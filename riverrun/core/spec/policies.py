"""When weights move: the publish policy of a trainer and the sync policy of a reader, as values."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from riverrun.core.catalogue import Misfit
from riverrun.core.spec.quantities import Duration, Share, format_duration


class SpecPart(BaseModel):
    """A part of a model spec: frozen, and every unknown key is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class MetricChange(SpecPart):
    """Publish when a prequential metric moved by `change` or more since the last version."""

    metric: str
    change: float = Field(gt=0)


class PublishSpec(SpecPart):
    """When a trainer publishes a version: as soon as any of the conditions holds.

    Without any condition it publishes continuously. `budget` bounds the share of the trainer's time
    that publishing may take, whatever the conditions ask; `budget` is not a condition.

    `precision` says how exact the weights are that readers get: bf16 rounds each to 8 significant bits,
    int8 to one of 255 steps up to the largest in its block. The trainer keeps them exact.
    """

    every_events: int | None = Field(default=None, ge=1)
    every: Duration | None = Field(default=None, gt=0)
    on_metric: MetricChange | None = None
    continuous: bool = False
    budget: Share = 0.2
    precision: Literal["exact", "bf16", "int8"] = "exact"

    @property
    def is_continuous(self) -> bool:
        """Whether every learned example is due at once."""
        return self.continuous or (
            self.every_events is None and self.every is None and self.on_metric is None
        )

    def describe(self) -> str:
        """The policy in words, for people."""
        words = ["continuous"] if self.is_continuous else []
        if self.every_events is not None:
            words.append(f"every {self.every_events} events")
        if self.every is not None:
            words.append(f"every {format_duration(self.every)}")
        if self.on_metric is not None:
            words.append(f"on {self.on_metric.metric} change {self.on_metric.change:g}")
        rounding = "" if self.precision == "exact" else f", rounded to {self.precision}"
        return " or ".join(words) + f", budget {self.budget:.0%}{rounding}"


class SyncSpec(SpecPart):
    """When a reader takes new weights.

    watch: on each announcement, at most once per `min_interval`. interval: every `interval`. pinned: only
    `version`. `max_staleness` bounds how long ago the reader last confirmed that its version is the
    channel's newest (DECISIONS 29); past it `when_stale` says to serve on or to refuse. None: no bound.
    """

    mode: Literal["watch", "interval", "pinned"] = "watch"
    min_interval: Duration = 0.0
    interval: Duration | None = Field(default=None, gt=0)
    version: int | None = Field(default=None, ge=1)
    max_staleness: Duration | None = Field(default=None, gt=0)
    when_stale: Literal["serve", "refuse"] = "serve"

    @model_validator(mode="after")
    def _fits_mode(self) -> SyncSpec:
        if (self.interval is not None) != (self.mode == "interval"):
            raise Misfit(("interval",), "goes with mode interval, and only with it")
        if (self.version is not None) != (self.mode == "pinned"):
            raise Misfit(("version",), "goes with mode pinned, and only with it")
        if self.min_interval and self.mode != "watch":
            raise Misfit(("min_interval",), "goes with mode watch only")
        return self

    def describe(self) -> str:
        """The policy in words, for people and `ListReaders`."""
        if self.mode == "interval":
            return f"interval {format_duration(self.interval or 0)}"
        if self.mode == "pinned":
            return f"pinned {self.version}"
        return f"watch, at most every {format_duration(self.min_interval)}" if self.min_interval else "watch"
