"""What a label is, how late it may be, and what its silence means; which predictions wait for one."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from riverrun.core.catalogue import Misfit
from riverrun.core.spec.policies import SpecPart
from riverrun.core.spec.quantities import Duration, ShareOrNone, format_duration


class LabelSpec(SpecPart):
    """What a label is, and how it meets its prediction.

    `type` defaults to bool for binary, category for multiclass and float for regression.

    Without a `window` labels come with their features, and nothing is joined. With one every prediction is
    logged, and a label that names it by id is joined to it if its event time is at most `window` after that
    of the prediction. `lateness` is how much out of order events may arrive: a prediction is closed once the
    watermark is `window` and `lateness` past it. `clock` says what moves the watermark: the log's clock, or
    the events' own times where history is replayed.

    `silence` says what a prediction without a label means when it is closed: nothing (ignore), or a negative.
    With early_negative it is learned as a negative `early_after` its time, and corrected when a positive
    comes. `corrections` says what another label for the same prediction does: refuse, or the last one counts.
    """

    type: Literal["bool", "int", "category", "float"] | None = None
    window: Duration | None = Field(default=None, gt=0)
    lateness: Duration = 300.0
    silence: Literal["ignore", "negative", "early_negative"] = "ignore"
    early_after: Duration = 0.0
    corrections: Literal["refuse", "last"] = "refuse"
    clock: Literal["log", "events"] = "log"

    @model_validator(mode="after")
    def _fits_together(self) -> LabelSpec:
        if self.window is None:
            given = self.model_fields_set & {"lateness", "silence", "early_after", "corrections", "clock"}
            for key in sorted(given - ({"silence"} if self.silence == "ignore" else set())):
                raise Misfit((key,), "needs a window, in which a label is joined to its prediction")
        elif self.early_after >= self.window:
            raise Misfit(("early_after",), f"is not below window, which is {format_duration(self.window)}")
        if self.early_after and self.silence != "early_negative":
            raise Misfit(("early_after",), "goes with silence early_negative, and only with it")
        return self


class PredictionsSpec(SpecPart):
    """Which predictions are logged, where `label.window` asks for them: this share, chosen by id."""

    sample: ShareOrNone = 1.0
