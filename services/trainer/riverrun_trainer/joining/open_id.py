"""What is remembered of one id while something may still be joined to it."""

from __future__ import annotations

from riverrun.core.events import LoggedEvent
from riverrun.core.joining import LabelRecord
from riverrun.core.predictions import Label
from riverrun_trainer.joining.ledger import Place


class OpenId:
    """A prediction that waits for its label, labels that wait for their prediction, or a decision made.

    `prediction` is kept while a label, or a correction, may be joined to it. `label` is what it was decided
    with, or may have been where it is read again; None where that is not known. `places` are those of all
    events that were taken under this id.
    """

    __slots__ = (
        "closes_ns",
        "is_decided",
        "is_early",
        "label",
        "place",
        "places",
        "prediction",
        "waiting",
    )

    def __init__(self) -> None:
        self.closes_ns = 0
        self.place: Place | None = None
        """Where the prediction is, None while none has come."""
        self.places: tuple[Place, ...] = ()
        self.prediction: LoggedEvent | None = None
        self.waiting: tuple[tuple[LoggedEvent, LabelRecord, Place], ...] = ()
        self.is_decided = False
        self.is_early = False
        self.label: Label | None = None

    def decide(self, label: Label | None, *, keep: bool) -> None:
        """It is decided with `label`; the prediction is forgotten unless it is to be kept."""
        self.is_decided = True
        self.label = label
        if not keep:
            self.prediction = None
