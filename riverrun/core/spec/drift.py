"""Which detectors look for drift, and on what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from riverrun.core.spec.policies import SpecPart

ERROR, PREDICTION = "error", "prediction"

DetectorName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class DriftSpec(SpecPart):
    """One detector of River's over a stream of numbers, one for each example, in the order of learning.

    `detector` is a class of River's, such as ADWIN, or one with its arguments: {ADWIN: {delta: 0.001}}. `on`
    is what it is fed: the error of an answer, the prediction, or the feature of this name. `of` says whose
    answer: that of the newest weights, or the one that was served. `direction` says which change counts, by
    the mean of what came last against the mean of all since the drift before: for errors a rise, for
    everything else any. `every` feeds it one value in so many. `name` is what triggers, metrics and reports
    call it.
    """

    detector: Any
    on: str = ERROR
    of: Literal["newest", "served"] = "newest"
    direction: Literal["rise", "fall", "any"] | None = None
    every: int = Field(default=1, ge=1)
    name: DetectorName | None = None

    @property
    def class_name(self) -> str:
        """The detector's class as the spec names it."""
        if isinstance(self.detector, Mapping):
            return str(next(iter(self.detector), ""))
        return str(self.detector)

    @property
    def called(self) -> str:
        """Its name: the given one, or made of class and `on`."""
        return self.name or f"{self.class_name}-{self.on}"

    @property
    def counted(self) -> Literal["rise", "fall", "any"]:
        """`direction` with its default filled in."""
        return self.direction or ("rise" if self.on == ERROR else "any")
