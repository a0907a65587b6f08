"""What it means that no label comes: a negative at the window's end, one before that, or nothing at all."""

from __future__ import annotations

from riverrun.core.errors import InvalidInput
from riverrun.core.events import Example, LoggedEvent
from riverrun.core.joining import JoinedExample, Origin
from riverrun_trainer.joining.closings import Closings
from riverrun_trainer.joining.ledger import Ledger, Place
from riverrun_trainer.joining.open_ids import OpenId, OpenIds
from riverrun_trainer.joining.outcomes import Outcomes
from riverrun_trainer.joining.rules import JoinRules, Readers


class Silence:
    """Goes by the rules' `negative` and `early_after_ns`. A prediction that cannot be read is set aside."""

    def __init__(
        self, rules: JoinRules, readers: Readers, ledger: Ledger, outcomes: Outcomes, ids: OpenIds
    ) -> None:
        self._rules = rules
        self._read = readers
        self._ledger = ledger
        self._outcomes = outcomes
        self._ids = ids
        self._early = Closings()

    def begin(self, event: LoggedEvent, one: OpenId, place: Place) -> None:
        """The prediction `event` of the id `one`, at `place`, waits for its label from now on."""
        after_ns = self._rules.early_after_ns
        if after_ns is None:
            return
        if self._ledger.is_early(place):
            one.is_early = True
        elif after_ns == 0:
            self._learn_early(event, one)
        else:
            self._early.put(event.event_id, event.time_ns + after_ns)

    def advance(self, watermark_ns: int) -> None:
        """Learn the early negatives that are due by `watermark_ns`."""
        for name in self._early.take_due(watermark_ns):
            one = self._ids.find(name)
            if one is not None and one.prediction is not None and not one.is_decided:
                self._learn_early(one.prediction, one)

    def end(self, prediction: LoggedEvent, one: OpenId) -> None:
        """The window of `prediction`, of the id `one`, ended without a label."""
        assert one.place is not None
        if self._rules.negative is None or self._ledger.is_skipped(one.place):
            self._outcomes.decide(one.place, "silent")
        else:
            self._outcomes.counts["silent"] += 1
            self._put(one, prediction, Origin.CONFIRMED if one.is_early else Origin.SILENCE)

    def _learn_early(self, prediction: LoggedEvent, one: OpenId) -> None:
        if not one.is_early:
            one.is_early = True
            self._put(one, prediction, Origin.EARLY_NEGATIVE)

    def _put(self, one: OpenId, prediction: LoggedEvent, origin: Origin) -> None:
        negative = self._rules.negative
        assert negative is not None
        assert one.place is not None
        try:
            served = self._read.prediction(prediction)
        except InvalidInput as error:
            self._outcomes.set_aside(prediction, str(error), one.place, "refused")
            one.decide(None, keep=False)
            return
        example = Example(served.features, negative, prediction_id=served.id)
        ended_ns = prediction.time_ns + self._rules.window_ns
        self._outcomes.put(JoinedExample(example, prediction, one.place[0], ended_ns, origin, served))
