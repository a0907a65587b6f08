"""A model that is not one to answer with; whoever opens the next session learns around the fault."""

from __future__ import annotations

from riverrun_trainer.where import Where


class Diverged(Exception):
    """The model is not one to answer with, and `reason` says why;

    `where` is the last example that it learned.
    """

    def __init__(self, where: Where, reason: str = "the model is not finite") -> None:
        super().__init__(f"{reason} after event {where[1]} of {where[0].value}")
        self.where = where
        self.reason = reason
