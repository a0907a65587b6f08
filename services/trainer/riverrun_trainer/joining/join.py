"""The join: predictions, labels and examples by id, in whatever order they come; each decided once.

Times are event times, and the watermark is given (`advance`). Whether a label is in time depends on the event
times of both alone, so the outcome does not depend on the order of arrival, as long as nothing arrives more
than the allowed lateness behind the watermark.
"""

from __future__ import annotations

from collections import Counter, deque

from riverrun.core.errors import InvalidInput
from riverrun.core.events import Example, LoggedEvent, Stream
from riverrun.core.joining import JoinedExample, LabelRecord, Origin, PredictionRecord
from riverrun.core.predictions import Label
from riverrun_trainer.joining.closings import Closings
from riverrun_trainer.joining.ledger import Ledger, Place
from riverrun_trainer.joining.open_id import OpenId
from riverrun_trainer.joining.rules import JoinRules, Readers
from riverrun_trainer.refused import Refused

UNMATCHED = "unmatched: no prediction with this id was logged within the window"
EVICTED = "unmatched: no prediction with this id came while it was remembered (max_open)"
LATE = "time: not within the window of its prediction"
REFUSED = "label: its prediction has another label, and label.corrections is refuse"
NOT_KEPT = "label: its prediction is not known any more, so the correction cannot be learned"


class Join:
    """Takes events and puts what comes of them into `ready`, in order.

    `ready` holds examples on their way to be learned, for which `settle` must be called once they are, and
    events to set aside, which are decided. `outcomes` counts what became of predictions and labels.
    `totals` is for whoever takes counts from there, to add them up.
    """

    def __init__(self, rules: JoinRules, readers: Readers, ledger: Ledger) -> None:
        self._rules = rules
        self._read = readers
        self._ledger = ledger
        self._open: dict[str, OpenId] = {}
        self._closings = Closings()
        self._early = Closings()
        # Of examples that are on their way, how many each; and those that are closed but for that.
        self._unsettled: Counter[Place] = Counter()
        self._closed: set[Place] = set()
        self.ready: deque[JoinedExample | Refused] = deque()
        self.outcomes: Counter[str] = Counter()
        self.totals: Counter[str] = Counter()

    def __len__(self) -> int:
        """How many ids are remembered."""
        return len(self._open)

    @property
    def next_ns(self) -> int:
        """The watermark at which `advance` has something to do."""
        return min(self._closings.next_ns, self._early.next_ns)

    @property
    def coverage(self) -> float | None:
        """The share of predictions that got their label, among those of `totals` that were decided."""
        decided = self.totals["labelled"] + self.totals["silent"]
        return self.totals["labelled"] / decided if decided else None

    def take_prediction(self, event: LoggedEvent) -> None:
        """A prediction was read, for the first time or again."""
        is_again = self._ledger.was_taken(Stream.PREDICTIONS, event)
        place = self._ledger.take(Stream.PREDICTIONS, event)
        is_decided = self._ledger.is_decided(place)
        closes_ns = event.time_ns + self._rules.closes_after_ns
        if is_decided and closes_ns <= self._ledger.watermark_ns:
            self._ledger.close(place)
            return
        one = self._opened(event.event_id)
        if one.place is not None:
            # The log tells repeated ids as long as it remembers them.
            self._decide(place, "" if is_decided else "repeated")
            self._ledger.close(place)
            return
        one.place = place
        self._close_at(event.event_id, one, closes_ns)
        if is_decided:
            one.decide(one.label, keep=False)
        elif one.is_decided and not is_again:
            self._decide(place, "labelled")
        else:
            # What was read of it again did not decide it, or this would say so.
            one.is_decided, one.label = False, None
        if not one.is_decided or self._rules.takes_corrections:
            one.prediction = event
        waiting, one.waiting = one.waiting, ()
        for label, record, label_place in waiting:
            self._meet(one, label, record, label_place)
        if not one.is_decided:
            self._plan_early(event, one, place)

    def take_label(self, event: LoggedEvent) -> None:
        """A label was read, for the first time or again."""
        place = self._ledger.take(Stream.LABELS, event)
        is_decided = self._ledger.is_decided(place)
        closes_ns = event.time_ns + self._rules.closes_after_ns
        try:
            record = self._read.label(event)
        except InvalidInput as error:
            if not is_decided:
                self._set_aside(event, str(error), place, "refused")
            self._ledger.close(place)
            return
        if is_decided and closes_ns <= self._ledger.watermark_ns:
            self._ledger.close(place)
            return
        one = self._opened(record.prediction_id)
        if one.place is None:
            self._close_at(record.prediction_id, one, closes_ns)
        one.places += (place,)
        if is_decided:
            self._recall(one, record)
        elif one.place is None and not one.is_decided:
            one.waiting += ((event, record, place),)
        else:
            self._meet(one, event, record, place)

    def take_example(self, example: Example, event: LoggedEvent) -> JoinedExample | None:
        """The example as it is to be learned, None for one whose label its prediction has already.

        It has a prediction's id. Raises `InvalidInput` where it has another label and may not.
        """
        one = self._opened(example.prediction_id)
        if one.is_decided:
            return self._example_again(one, example, event)
        prediction = self._record(one.prediction)
        origin = self._origin(one, example.label)
        self._mark(one, example, event)
        if one.place is not None:
            self.outcomes["labelled"] += 1
            if prediction is None:
                self._ledger.decide(one.place)
            else:
                self._unsettled[one.place] += 1
        waiting, one.waiting = one.waiting, ()
        for label, record, label_place in waiting:
            self._meet(one, label, record, label_place)
        return JoinedExample(example, event, Stream.EXAMPLES, event.time_ns, origin, prediction)

    def recall_example(self, example: Example, event: LoggedEvent) -> None:
        """An example that was learned is read again, for the sake of its id."""
        if event.time_ns + self._rules.closes_after_ns <= self._ledger.watermark_ns:
            return
        one = self._opened(example.prediction_id)
        # Where its prediction is there and not decided, the example was not what decided it.
        if one.is_decided or one.place is None:
            self._mark(one, example, event)

    def advance(self, watermark_ns: int) -> None:
        """Nothing that is due by `watermark_ns` waits any longer."""
        if watermark_ns <= self._ledger.watermark_ns:
            return
        self._ledger.watermark_ns = watermark_ns
        for name in self._early.take_due(watermark_ns):
            one = self._open.get(name)
            if one is not None and one.prediction is not None and not one.is_decided:
                self._learn_early(one.prediction, one)
        for name in self._closings.take_due(watermark_ns):
            one = self._open.get(name)
            if one is not None and one.closes_ns <= watermark_ns:
                self._close(name, one)

    def settle(self, joined: JoinedExample) -> None:
        """`joined`, which came from here, is learned or refused for good."""
        for place in _places(joined):
            if place[0] is Stream.EXAMPLES:
                continue
            if joined.origin is Origin.EARLY_NEGATIVE:
                self._ledger.mark_early(place)
            else:
                self._ledger.decide(place)
            self._unsettled[place] -= 1
            if self._unsettled[place] == 0:
                del self._unsettled[place]
                if place in self._closed:
                    self._closed.remove(place)
                    self._ledger.close(place)

    def _opened(self, name: str) -> OpenId:
        one = self._open.get(name)
        if one is None:
            if len(self._open) >= self._rules.max_open:
                self._evict()
            one = self._open[name] = OpenId()
        return one

    def _close_at(self, name: str, one: OpenId, closes_ns: int) -> None:
        one.closes_ns = closes_ns
        self._closings.put(name, closes_ns)

    def _meet(self, one: OpenId, event: LoggedEvent, record: LabelRecord, place: Place) -> None:
        """A label for an id that has its prediction, or is decided."""
        begun_ns = one.closes_ns - self._rules.closes_after_ns
        if one.place is not None and abs(event.time_ns - begun_ns) > self._rules.window_ns:
            self._set_aside(event, LATE, place, "late")
            return
        if one.is_decided:
            self._meet_again(one, event, record, place)
            return
        prediction = one.prediction
        assert prediction is not None
        if self._ledger.is_skipped(place):
            assert one.place is not None
            self._decide(place, "skipped")
            self._ledger.decide(one.place)
            one.decide(record.label, keep=self._rules.takes_corrections)
            return
        try:
            served = self._read.prediction(prediction)
        except InvalidInput as error:
            self._set_aside(event, f"its prediction: {error}", place, "refused")
            self._drop_prediction(one, str(error))
            return
        origin = self._origin(one, record.label)
        self._emit(record.label, record.weight, event, place, origin, served, event.time_ns)
        self.outcomes["labelled"] += 1
        one.decide(record.label, keep=self._rules.takes_corrections)

    def _meet_again(self, one: OpenId, event: LoggedEvent, record: LabelRecord, place: Place) -> None:
        if one.label is None or one.label == record.label:
            self._decide(place, "duplicate")
        elif not self._rules.takes_corrections:
            self._set_aside(event, REFUSED, place, "refused")
        elif (served := self._record(one.prediction)) is None:
            self._set_aside(event, NOT_KEPT, place, "refused")
        else:
            self._emit(record.label, record.weight, event, place, Origin.CORRECTION, served, event.time_ns)
            self.outcomes["corrected"] += 1
            one.label = record.label

    def _example_again(self, one: OpenId, example: Example, event: LoggedEvent) -> JoinedExample | None:
        if one.label is None or one.label == example.label:
            self.outcomes["duplicate"] += 1
            return None
        if not self._rules.takes_corrections:
            self.outcomes["refused"] += 1
            raise InvalidInput("", REFUSED)
        self.outcomes["corrected"] += 1
        served = self._record(one.prediction)
        if served is not None:
            self._unsettled[(Stream.PREDICTIONS, served.partition, served.offset)] += 1
        self._mark(one, example, event)
        return JoinedExample(example, event, Stream.EXAMPLES, event.time_ns, Origin.CORRECTION, served)

    def _mark(self, one: OpenId, example: Example, event: LoggedEvent) -> None:
        """The id is decided by an example that brought its features."""
        place = self._ledger.take(Stream.EXAMPLES, event)
        if one.place is None and not one.is_decided:
            self._close_at(example.prediction_id, one, event.time_ns + self._rules.closes_after_ns)
        one.places += (place,)
        one.decide(example.label, keep=self._rules.takes_corrections)

    def _recall(self, one: OpenId, record: LabelRecord) -> None:
        """A label that was decided before a restart may be what its id was decided with.

        Whether the id is decided says its prediction alone: the label may have been set aside.
        """
        if one.label is None or self._rules.takes_corrections:
            one.label = record.label

    def _origin(self, one: OpenId, label: Label) -> Origin:
        if not one.is_early:
            return Origin.LABEL
        return Origin.CONFIRMED if label == self._rules.negative else Origin.LATE_POSITIVE

    def _plan_early(self, event: LoggedEvent, one: OpenId, place: Place) -> None:
        after_ns = self._rules.early_after_ns
        if after_ns is None:
            return
        if self._ledger.is_early(place):
            one.is_early = True
        elif after_ns == 0:
            self._learn_early(event, one)
        else:
            self._early.put(event.event_id, event.time_ns + after_ns)

    def _learn_early(self, prediction: LoggedEvent, one: OpenId) -> None:
        if not one.is_early:
            one.is_early = True
            self._emit_silent(one, prediction, Origin.EARLY_NEGATIVE)

    def _close(self, name: str, one: OpenId) -> None:
        del self._open[name]
        for event, _, place in one.waiting:
            self._set_aside(event, UNMATCHED, place, "unmatched")
        prediction = one.prediction
        if prediction is not None and not one.is_decided:
            assert one.place is not None
            if self._rules.negative is None or self._ledger.is_skipped(one.place):
                self._decide(one.place, "silent")
            else:
                self.outcomes["silent"] += 1
                self._emit_silent(one, prediction, Origin.CONFIRMED if one.is_early else Origin.SILENCE)
        self._forget(one)

    def _emit_silent(self, one: OpenId, prediction: LoggedEvent, origin: Origin) -> None:
        negative = self._rules.negative
        assert negative is not None
        assert one.place is not None
        try:
            served = self._read.prediction(prediction)
        except InvalidInput as error:
            self._drop_prediction(one, str(error))
            return
        time_ns = prediction.time_ns + self._rules.window_ns
        self._emit(negative, 1.0, prediction, one.place, origin, served, time_ns)

    def _evict(self) -> None:
        """Forget the ids that are due next, for want of room."""
        while len(self._open) >= self._rules.max_open:
            for name in self._closings.take_earliest():
                one = self._open.pop(name, None)
                if one is not None:
                    self._give_up(one)

    def _give_up(self, one: OpenId) -> None:
        for event, _, place in one.waiting:
            self._set_aside(event, EVICTED, place, "evicted")
        if one.prediction is not None and not one.is_decided:
            assert one.place is not None
            self._decide(one.place, "evicted")
        self._forget(one)

    def _forget(self, one: OpenId) -> None:
        for place in one.places if one.place is None else (one.place, *one.places):
            if place in self._unsettled:
                self._closed.add(place)
            else:
                self._ledger.close(place)

    def _emit(
        self,
        label: Label,
        weight: float,
        event: LoggedEvent,
        place: Place,
        origin: Origin,
        served: PredictionRecord,
        time_ns: int,
    ) -> None:
        example = Example(served.features, label, weight, served.id)
        joined = JoinedExample(example, event, place[0], time_ns, origin, served)
        self._unsettled.update(_places(joined))
        self.ready.append(joined)

    def _record(self, prediction: LoggedEvent | None) -> PredictionRecord | None:
        if prediction is None:
            return None
        try:
            return self._read.prediction(prediction)
        except InvalidInput:
            return None

    def _drop_prediction(self, one: OpenId, reason: str) -> None:
        """A prediction that cannot be read is of no use to anybody."""
        assert one.prediction is not None
        assert one.place is not None
        self._set_aside(one.prediction, reason, one.place, "refused")
        one.decide(None, keep=False)

    def _set_aside(self, event: LoggedEvent, reason: str, place: Place, outcome: str) -> None:
        self.ready.append(Refused(event, reason, place[0]))
        self._decide(place, outcome)

    def _decide(self, place: Place, outcome: str) -> None:
        self._ledger.decide(place)
        if outcome:
            self.outcomes[outcome] += 1


def _places(joined: JoinedExample) -> list[Place]:
    """Where the events are that `joined` decides."""
    places = [(joined.stream, joined.event.partition, joined.event.offset)]
    served = joined.served
    if served is not None and joined.stream is not Stream.PREDICTIONS:
        places.append((Stream.PREDICTIONS, served.partition, served.offset))
    return places
