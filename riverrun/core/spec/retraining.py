"""How a model is learned anew: from which history, and when the result may take over from live."""

from __future__ import annotations

import datetime
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from riverrun.core.catalogue import Misfit
from riverrun.core.spec.policies import SpecPart
from riverrun.core.spec.quantities import Duration
from riverrun.core.spec.triggers import BudgetSpec, TriggerSpec


class HistorySpec(SpecPart):
    """What a retrain learns before it has caught up: by default all that the event log has.

    With `last` only examples of so long before its start. With `files` (Parquet files: paths, or URLs of an
    object store) their rows come first, in the order of the files, and of the log only examples whose time is
    not before `until`: files and log never overlap. A row has the features by name, and its label in the
    column `label`; a column `weight` is the example's importance.
    """

    last: Duration | None = Field(default=None, gt=0)
    files: tuple[str, ...] = Field(default=(), max_length=10_000, strict=False)
    until: datetime.datetime | None = Field(default=None, strict=False)
    label: str = "label"

    @field_validator("until", mode="before")
    @classmethod
    def _with_a_zone(cls, value: Any) -> Any:
        moment = value
        if isinstance(value, str):
            try:
                moment = datetime.datetime.fromisoformat(value)
            except ValueError:
                moment = None
        if value is not None and (not isinstance(moment, datetime.datetime) or moment.tzinfo is None):
            raise ValueError("expected a time with a zone in quotes, such as '2026-11-24T07:30:00Z'")
        return moment

    @model_validator(mode="after")
    def _fits_together(self) -> HistorySpec:
        if bool(self.files) != (self.until is not None):
            raise Misfit(("until",), "goes with files, and they with it: files hold what came before it")
        if self.files and self.last is not None:
            raise Misfit(("last",), "goes without files")
        if "label" in self.model_fields_set and not self.files:
            raise Misfit(("label",), "goes with files")
        return self


class TakeOverSpec(SpecPart):
    """When a retrain that has caught up takes over from live, and when it is given up.

    Both models answer the same examples before either learns them. With `when: better` it takes over once its
    mean loss is surely below live's, with a chance of error of `alpha`, and not before `examples`. With
    `not_worse` it takes over at `examples` if its mean loss is not above live's by more than `margin`. It is
    given up once it is surely worse (by more than `margin`), or `within` after its start.
    """

    when: Literal["better", "not_worse"] = "better"
    examples: int = Field(default=500, ge=1)
    margin: float = Field(default=0.0, ge=0, lt=1)
    alpha: float = Field(default=0.01, gt=0, lt=1)
    within: Duration = Field(default=86_400.0, gt=0)


class RetrainSpec(SpecPart):
    """When and how a model is learned anew, by a line of its own beside live.

    `when` holds the conditions of which any one starts a retrain by itself; without any only people do.
    With `warm` it goes on from live's newest version and learns the files of its history besides; otherwise
    it starts from an untrained model. `caught_up` is how many events of the log it may be behind to be
    compared with live. After a retrain ended, triggers start none for `cool_down`; nor past `budget`.
    """

    when: tuple[TriggerSpec, ...] = Field(default=(), max_length=16, strict=False)
    history: HistorySpec = HistorySpec()
    warm: bool = False
    caught_up: int = Field(default=1_000, ge=1)
    take_over: TakeOverSpec = TakeOverSpec()
    cool_down: Duration = 3_600.0
    budget: BudgetSpec | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> RetrainSpec:
        if self.warm and not self.history.files:
            raise Misfit(("warm",), "needs files under history: live has learned the log already")
        return self
