"""How much of what is learned may come from one source."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, model_validator

from riverrun.core.catalogue import Misfit
from riverrun.core.spec.policies import SpecPart
from riverrun.core.spec.quantities import Share


class SourcesSpec(SpecPart):
    """Of any `over` examples learned one after another, at most `share` are of one source: one value of
    `feature`. Rows without it are one source together. An example counts by its weight.
    """

    feature: str
    share: Share
    over: int = Field(default=1_000, ge=10, le=100_000)

    @model_validator(mode="after")
    def _room_for_one(self) -> SourcesSpec:
        if self.share * self.over < 1:
            raise Misfit(("share",), f"is less than one example of {self.over}")
        return self


def check_sources(sources: SourcesSpec | None, types: Mapping[str, str] | None) -> None:
    """Raise `Misfit` where the source is no feature, or one that no two rows need have in common.

    `types` are the features' types by name, None where the spec declares none.
    """
    if sources is None or types is None:
        return
    kind = types.get(sources.feature)
    if kind is None:
        raise Misfit(("sources", "feature"), f"{sources.feature} is not among features")
    if kind in ("float", "text"):
        raise Misfit(
            ("sources", "feature"), f"{sources.feature} is a {kind}: expected a category, an int or a bool"
        )
