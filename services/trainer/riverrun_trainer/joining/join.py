"""The join: predictions, labels and examples by id, in whatever order they come; each decided once.

Times are event times, and the watermark is given (`advance`). Whether a label is in time depends on the event
times of both alone, so the outcome does not depend on the order of arrival, as long as nothing arrives more
than the allowed lateness behind the watermark.
"""

from __future__ import annotations

from riverrun.core.errors import InvalidInput
from riverrun.core.events import Example, LoggedEvent, Stream
from riverrun.core.joining import JoinedExample, LabelRecord, Origin, PredictionRecord
from riverrun.core.predictions import Label
from riverrun_trainer.joining.ledger import Ledger, Place
from riverrun_trainer.joining.open_ids import OpenId, OpenIds
from riverrun_trainer.joining.outcomes import Outcomes
from riverrun_trainer.joining.rules import JoinRules, Readers
from riverrun_trainer.joining.silence import Silence

UNMATCHED = "unmatched: no prediction with this id was logged within the window"
EVICTED = "unmatched: no prediction with this id came while it was remembered (max_open)"
LATE = "time: not within the window of its prediction"
REFUSED = "label: its prediction has another label, and label.corrections is refuse"
NOT_KEPT = "label: its prediction is not known any more, so the correction cannot be learned"


class Join:
    """Takes events, and puts what comes of them into its `Outcomes`.

    What it puts there, or returns, must be settled there once it is learned or refused for good.
    """

    def __init__(self, rules: JoinRules, readers: Readers, ledger: Ledger, outcomes: Outcomes) -> None:
        self._rules = rules
        self._read = readers
        self._ledger = ledger
        self._outcomes = outcomes
        self._ids = OpenIds(rules.max_open, self._give_up)
        self._silence = Silence(rules, readers, ledger, outcomes, self._ids)

    def __len__(self) -> int:
        """How many ids are remembered."""
        return len(self._ids)

    def take_prediction(self, event: LoggedEvent) -> None:
        """A prediction was read, for the first time or again."""
        is_again = self._ledger.was_taken(Stream.PREDICTIONS, event)
        place = self._ledger.take(Stream.PREDICTIONS, event)
        is_decided = self._ledger.is_decided(place)
        closes_ns = event.time_ns + self._rules.closes_after_ns
        if is_decided and closes_ns <= self._ledger.watermark_ns:
            self._ledger.close(place)
            return
        one = self._ids.open(event.event_id)
        if one.place is not None:
            # The log tells repeated ids as long as it remembers them.
            self._outcomes.decide(place, "" if is_decided else "repeated")
            self._ledger.close(place)
            return
        one.place = place
        one.places += (place,)
        self._ids.close_at(event.event_id, one, closes_ns)
        if is_decided:
            one.decide(one.label, keep=False)
        elif one.is_decided and not is_again:
            self._outcomes.decide(place, "labelled")
        else:
            # What was read of it again did not decide it, or this would say so.
            one.is_decided, one.label = False, None
        if not one.is_decided or self._rules.takes_corrections:
            one.prediction = event
        waiting, one.waiting = one.waiting, ()
        for label, record, label_place in waiting:
            self._meet(one, label, record, label_place)
        if not one.is_decided:
            self._silence.begin(event, one, place)

    def take_label(self, event: LoggedEvent) -> None:
        """A label was read, for the first time or again."""
        place = self._ledger.take(Stream.LABELS, event)
        is_decided = self._ledger.is_decided(place)
        closes_ns = event.time_ns + self._rules.closes_after_ns
        try:
            record = self._read.label(event)
        except InvalidInput as error:
            if not is_decided:
                self._outcomes.set_aside(event, str(error), place, "refused")
            self._ledger.close(place)
            return
        if is_decided and closes_ns <= self._ledger.watermark_ns:
            self._ledger.close(place)
            return
        one = self._ids.open(record.prediction_id)
        if one.place is None:
            self._ids.close_at(record.prediction_id, one, closes_ns)
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
        one = self._ids.open(example.prediction_id)
        if one.is_decided:
            return self._example_again(one, example, event)
        prediction = self._record(one.prediction)
        origin = self._origin(one, example.label)
        self._mark(one, example, event)
        if one.place is not None:
            self._outcomes.counts["labelled"] += 1
            if prediction is None:
                self._ledger.decide(one.place)
            else:
                self._outcomes.expect(one.place)
        waiting, one.waiting = one.waiting, ()
        for label, record, label_place in waiting:
            self._meet(one, label, record, label_place)
        return JoinedExample(example, event, Stream.EXAMPLES, event.time_ns, origin, prediction)

    def recall_example(self, example: Example, event: LoggedEvent) -> None:
        """An example that was learned is read again, for the sake of its id."""
        if event.time_ns + self._rules.closes_after_ns <= self._ledger.watermark_ns:
            return
        one = self._ids.open(example.prediction_id)
        # Where its prediction is there and not decided, the example was not what decided it.
        if one.is_decided or one.place is None:
            self._mark(one, example, event)

    def advance(self, watermark_ns: int) -> None:
        """Nothing that is due by `watermark_ns` waits any longer."""
        if watermark_ns <= self._ledger.watermark_ns:
            return
        self._ledger.watermark_ns = watermark_ns
        self._silence.advance(watermark_ns)
        for one in self._ids.take_due(watermark_ns):
            self._close(one)

    def _meet(self, one: OpenId, event: LoggedEvent, record: LabelRecord, place: Place) -> None:
        """A label for an id that has its prediction, or is decided."""
        begun_ns = one.closes_ns - self._rules.closes_after_ns
        if one.place is not None and abs(event.time_ns - begun_ns) > self._rules.window_ns:
            self._outcomes.set_aside(event, LATE, place, "late")
            return
        if one.is_decided:
            self._meet_again(one, event, record, place)
            return
        prediction = one.prediction
        assert prediction is not None
        if self._ledger.is_skipped(place):
            assert one.place is not None
            self._outcomes.decide(place, "skipped")
            self._ledger.decide(one.place)
            one.decide(record.label, keep=self._rules.takes_corrections)
            return
        try:
            served = self._read.prediction(prediction)
        except InvalidInput as error:
            self._outcomes.set_aside(event, f"its prediction: {error}", place, "refused")
            assert one.place is not None
            self._outcomes.set_aside(prediction, str(error), one.place, "refused")
            one.decide(None, keep=False)
            return
        example = Example(served.features, record.label, record.weight, served.id)
        origin = self._origin(one, record.label)
        self._outcomes.put(JoinedExample(example, event, Stream.LABELS, event.time_ns, origin, served))
        self._outcomes.counts["labelled"] += 1
        one.decide(record.label, keep=self._rules.takes_corrections)

    def _meet_again(self, one: OpenId, event: LoggedEvent, record: LabelRecord, place: Place) -> None:
        if one.label is None or one.label == record.label:
            self._outcomes.decide(place, "duplicate")
        elif not self._rules.takes_corrections:
            self._outcomes.set_aside(event, REFUSED, place, "refused")
        elif (served := self._record(one.prediction)) is None:
            self._outcomes.set_aside(event, NOT_KEPT, place, "refused")
        else:
            example = Example(served.features, record.label, record.weight, served.id)
            corrected = JoinedExample(example, event, Stream.LABELS, event.time_ns, Origin.CORRECTION, served)
            self._outcomes.put(corrected)
            self._outcomes.counts["corrected"] += 1
            one.label = record.label

    def _example_again(self, one: OpenId, example: Example, event: LoggedEvent) -> JoinedExample | None:
        if one.label is None or one.label == example.label:
            self._outcomes.counts["duplicate"] += 1
            return None
        if not self._rules.takes_corrections:
            self._outcomes.counts["refused"] += 1
            raise InvalidInput("", REFUSED)
        self._outcomes.counts["corrected"] += 1
        served = self._record(one.prediction)
        if served is not None:
            self._outcomes.expect((Stream.PREDICTIONS, served.partition, served.offset))
        self._mark(one, example, event)
        return JoinedExample(example, event, Stream.EXAMPLES, event.time_ns, Origin.CORRECTION, served)

    def _mark(self, one: OpenId, example: Example, event: LoggedEvent) -> None:
        """The id is decided by an example that brought its features."""
        place = self._ledger.take(Stream.EXAMPLES, event)
        if one.place is None and not one.is_decided:
            self._ids.close_at(example.prediction_id, one, event.time_ns + self._rules.closes_after_ns)
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

    def _close(self, one: OpenId) -> None:
        for event, _, place in one.waiting:
            self._outcomes.set_aside(event, UNMATCHED, place, "unmatched")
        if one.prediction is not None and not one.is_decided:
            self._silence.end(one.prediction, one)
        self._outcomes.close(one.places)

    def _give_up(self, one: OpenId) -> None:
        for event, _, place in one.waiting:
            self._outcomes.set_aside(event, EVICTED, place, "evicted")
        if one.prediction is not None and not one.is_decided:
            assert one.place is not None
            self._outcomes.decide(one.place, "evicted")
        self._outcomes.close(one.places)

    def _record(self, prediction: LoggedEvent | None) -> PredictionRecord | None:
        if prediction is None:
            return None
        try:
            return self._read.prediction(prediction)
        except InvalidInput:
            return None
