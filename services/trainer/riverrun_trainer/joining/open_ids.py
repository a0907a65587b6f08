"""What is remembered of each id while something may still be joined to it, and until when."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from riverrun.core.events import LoggedEvent
from riverrun.core.joining import LabelRecord
from riverrun.core.predictions import Label
from riverrun_trainer.joining.closings import Closings
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


class OpenIds:
    """At most `max_open` ids, each until the watermark is at its time; `give_up` hears of those that had to
    go before, for want of room: the ones due next.
    """

    def __init__(self, max_open: int, give_up: Callable[[OpenId], None]) -> None:
        self._max_open = max_open
        self._give_up = give_up
        self._ids: dict[str, OpenId] = {}
        self._closings = Closings()

    def __len__(self) -> int:
        return len(self._ids)

    def find(self, name: str) -> OpenId | None:
        """What is remembered of `name`, None where nothing is."""
        return self._ids.get(name)

    def open(self, name: str) -> OpenId:
        """What is remembered of `name` from now on; `close_at` says until when."""
        one = self._ids.get(name)
        if one is None:
            if len(self._ids) >= self._max_open:
                self._make_room()
            one = self._ids[name] = OpenId()
        return one

    def close_at(self, name: str, one: OpenId, closes_ns: int) -> None:
        """Remember `one`, which `name` stands for, until the watermark is at `closes_ns`."""
        one.closes_ns = closes_ns
        self._closings.put(name, closes_ns)

    def take_due(self, watermark_ns: int) -> Sequence[OpenId]:
        """Those whose time has come, earliest first; they are remembered no longer."""
        due: list[OpenId] = []
        for name in self._closings.take_due(watermark_ns):
            one = self._ids.get(name)
            if one is not None and one.closes_ns <= watermark_ns:
                del self._ids[name]
                due.append(one)
        return due

    def _make_room(self) -> None:
        while len(self._ids) >= self._max_open:
            for name in self._closings.take_earliest():
                one = self._ids.pop(name, None)
                if one is not None:
                    self._give_up(one)
