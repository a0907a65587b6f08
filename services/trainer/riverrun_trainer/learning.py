"""A learner and where it stands: the position is always exactly that of what was learned."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from riverrun.codec.wire import encode_side
from riverrun.core.errors import InvalidInput, NotReady
from riverrun.core.events import Arrivals, Example, LoggedEvent, Offsets, Stream
from riverrun.core.examples_json import decode_example
from riverrun.core.joining import JoinedExample, Origin
from riverrun.core.predictions import FeatureValue, Prediction
from riverrun.core.spec import ModelSpec
from riverrun.core.units import Unit
from riverrun.learners.protocol import Learner
from riverrun_trainer.captured import Captured
from riverrun_trainer.importance import importance
from riverrun_trainer.judging.judges import NO_JUDGES, Judges
from riverrun_trainer.refused import Refused
from riverrun_trainer.state_parts import StateParts

if TYPE_CHECKING:
    from riverrun_trainer.joining.line_join import LineJoin

Where = tuple[Stream, int]
"""What an example is named by: its own event, or its prediction where it was joined to one."""

NONE_POISONED: Mapping[int, str] = {}
NOWHERE_POISONED: Mapping[Where, str] = {}


_HELD = frozenset({Origin.LABEL, Origin.SILENCE, Origin.LATE_POSITIVE, Origin.CONFIRMED})
"""Why an example is kept that is held out: what its label is for good."""


def where_of(joined: JoinedExample) -> Where:
    """What `joined` is named by, among what a version's positions do not contain before it is decided."""
    if joined.stream is Stream.LABELS and joined.served is not None:
        return (Stream.PREDICTIONS, joined.served.offset)
    return (joined.stream, joined.event.offset)


class Diverged(Exception):
    """The model is not one to answer with, and `reason` says why;

    `where` is the last example that it learned.
    """

    def __init__(self, where: Where, reason: str = "the model is not finite") -> None:
        super().__init__(f"{reason} after event {where[1]} of {where[0].value}")
        self.where = where
        self.reason = reason


def _nothing(joined: JoinedExample) -> None:
    pass


class Learning:
    """Learns events one after another; knows nothing of sessions, streams or time.

    Mini-batches are counted in the line's examples alone (DECISIONS 24): `offsets` stays at the end of
    the last finished batch, and the events of an unfinished one are read again after a restart.
    """

    def __init__(
        self,
        spec: ModelSpec,
        learner: Learner,
        *,
        offsets: Offsets,
        examples: int = 0,
        watermark_ns: int = 0,
        parts: StateParts | None = None,
        judges: Judges = NO_JUDGES,
        joining: LineJoin | None = None,
        since_ns: int = 0,
    ) -> None:
        """`parts` is captured with the learner; the scorers of `judges` hear of each example before that.

        `joining` hears of it once it is learned or refused for good; with it an example that names a
        prediction meets that first. Examples whose time is before `since_ns` are passed over.
        """
        self.spec = spec
        self.read = partial(decode_example, spec=spec)
        self.joining = joining
        self._learner = learner
        self._parts = parts or StateParts(learner)
        self._since_ns = since_ns
        self.judges = judges
        self._scorers = judges.scorers
        self._holdout = judges.holdout
        self._sources = judges.sources
        if self._holdout is not None:
            self._holdout.predict = learner.predict
        self._settled = _nothing if joining is None else joining.join.settle
        self._offsets: dict[int, int] = dict(offsets)
        # Where the events of an unfinished mini-batch end.
        self._taken: dict[int, int] = {}
        self._examples = examples
        self._watermark_ns = watermark_ns
        self._oldest_ns = self._newest_ns = 0
        self._batch: list[JoinedExample] = []
        # What came during an unfinished mini-batch and is only judged or held out: after its end, since
        # both are read again where the trainer dies before that.
        self._beside_batch: list[JoinedExample] = []
        self._missed_changes = learner.missed_changes
        self._last: Where | None = None
        # Since the last capture: each feature that was learned from, with its newest value.
        self._touched: dict[str, FeatureValue] = {}
        self._captured_offsets = sum(self._offsets.values())
        self._kept_back: Captured | None = None
        self.learned = 0
        """Examples learned since the last capture."""

    @property
    def offsets(self) -> Offsets:
        """Where an equal learner would go on reading."""
        return dict(self._offsets)

    @property
    def examples(self) -> int:
        """Examples learned in the line so far."""
        return self._examples

    @property
    def passed(self) -> int:
        """Events that the positions moved past since the last capture, learned or refused."""
        joined = 0 if self.joining is None else self.joining.ledger.changes_left
        return sum(self._offsets.values()) - self._captured_offsets + joined

    @property
    def is_between_batches(self) -> bool:
        """Whether nothing that was taken waits in an unfinished mini-batch."""
        return not self._batch

    @property
    def learns_next(self) -> bool:
        """Whether one more good event is learned at once, and does not wait in a mini-batch."""
        return len(self._batch) + 1 == self._learner.batch_size

    def take(
        self, events: Iterable[LoggedEvent], poisoned: Mapping[int, str] = NONE_POISONED
    ) -> list[Refused]:
        """Learn `events` in order, or keep them until their mini-batch is full; those that cannot be learned.

        They change nothing but the position; those whose answer is not finite are among them, and those
        whose offset is `poisoned`, which says why, with the mini-batch that they would complete. Raises
        `Diverged` where an answer that is not finite may be the fault of events learned since the last
        capture.
        """
        refused: list[Refused] = []
        read, check, size = self.read, self._learner.check, self._learner.batch_size
        for event in events:
            if event.offset in poisoned:
                self._refuse_batch(poisoned[event.offset], refused)
                refused.append(Refused(event, poisoned[event.offset]))
                self._pass(event)
                continue
            try:
                example = read(event.body)
                check(example.features, example.label, example.weight)
                joined = self._met(example, event)
            except InvalidInput as error:
                refused.append(Refused(event, str(error)))
            else:
                if joined is not None:
                    self._add(joined, size, refused)
            self._pass(event)
        return refused

    def take_joined(
        self, joined: Iterable[JoinedExample], poisoned: Mapping[Where, str] = NOWHERE_POISONED
    ) -> list[Refused]:
        """`take` for examples that were put together elsewhere; no position of theirs is kept here.

        `poisoned` are those that `where_of` names.
        """
        refused: list[Refused] = []
        for one in joined:
            example = one.example
            try:
                if poisoned and where_of(one) in poisoned:
                    reason = poisoned[where_of(one)]
                    self._refuse_batch(reason, refused)
                    raise InvalidInput("", reason)
                self._learner.check(example.features, example.label, example.weight)
            except InvalidInput as error:
                refused.append(Refused(one.event, str(error), one.stream))
                self._settled(one)
            else:
                self._add(one, self._learner.batch_size, refused)
        if not self._batch and self._taken:
            self._offsets.update(self._taken)
            self._taken.clear()
        return refused

    def _met(self, example: Example, event: LoggedEvent) -> JoinedExample | None:
        """The example with what was served for it; None for one that was learned by its prediction's id."""
        if self.joining is not None and example.prediction_id:
            return self.joining.join.take_example(example, event)
        return JoinedExample(example, event, Stream.EXAMPLES, event.time_ns)

    def _add(self, joined: JoinedExample, size: int, refused: list[Refused]) -> None:
        if joined.time_ns < self._since_ns:
            self._settled(joined)
            return
        reason = ""
        if self._sources is not None and joined.origin.is_learned:
            reason = self._sources.refusal(joined.example)
        if reason:
            # Neither judged nor held out either: what floods the stream has no say in those.
            refused.append(Refused(joined.event, reason, joined.stream))
            self._settled(joined)
            return
        held_out = self._holdout is not None and self._holdout.takes(joined)
        if joined.origin.is_learned and not held_out:
            if self._sources is not None:
                self._sources.take(joined.example)
            self._batch.append(joined)
            if len(self._batch) == size:
                self._learn_batch(refused)
        elif self._batch:
            self._beside_batch.append(joined)
        else:
            self._judge(joined, refused)

    def _judge(self, joined: JoinedExample, refused: list[Refused]) -> None:
        """Judge what is not learned, and hold it out where it is to be."""
        try:
            self._score(joined)
        except NotReady as error:
            if self.learned and self._last is not None:
                raise Diverged(self._last) from error
            refused.append(Refused(joined.event, str(error), joined.stream))
        else:
            if self._holdout is not None and joined.origin in _HELD and self._holdout.takes(joined):
                self._holdout.hold(joined)
        self._settled(joined)

    def _judge_beside(self, refused: list[Refused]) -> None:
        waiting, self._beside_batch = self._beside_batch, []
        for one in waiting:
            self._judge(one, refused)

    def _refuse_batch(self, reason: str, refused: list[Refused]) -> None:
        """Refuse the mini-batch so far: a poisoned event names the learning that it would set off."""
        batch, self._batch = self._batch, []
        if self._sources is not None:
            self._sources.give_back()
        refused += [Refused(one.event, reason, one.stream) for one in batch]
        for one in batch:
            self._settled(one)
        self._judge_beside(refused)

    def _pass(self, event: LoggedEvent) -> None:
        """Move past `event`, which is learned or refused, or waits in an unfinished mini-batch."""
        if self._batch:
            self._taken[event.partition] = event.offset + 1
            return
        if self._taken:
            self._offsets.update(self._taken)
            self._taken.clear()
        self._offsets[event.partition] = event.offset + 1

    def check_finite(self) -> None:
        """Raise `Diverged` when the model has no finite answer to what was learned since the last capture.

        It is asked for one row of all features learned from, for the last event alone may lack the one
        whose weight is broken. Of a feature with categories only the newest is in that row.
        """
        if self._last is None or not self._touched:
            return
        try:
            # A row may be one that the model cannot answer for; that says nothing of its weights.
            with contextlib.suppress(InvalidInput):
                self._learner.predict(self._touched)
        except NotReady as error:
            raise Diverged(self._last) from error

    def metrics(self) -> Mapping[str, float]:
        """The prequential metrics so far."""
        return self._learner.metrics()

    def capture(self) -> Captured:
        """The state as it is now, as a delta from the capture before. Raises as `Learner.changes` does."""
        started = time.thread_time()
        delta, (serving_root, trainer_root) = self._parts.changes()
        before, self._kept_back = self._kept_back, None
        if before is not None:
            delta = before.delta.then(delta)
        captured = Captured(
            serving=encode_side(delta.serving),
            trainer=encode_side(delta.trainer),
            serving_root=serving_root,
            trainer_root=trainer_root,
            next_unit=delta.next_unit,
            offsets=self.offsets,
            joined_positions={} if self.joining is None else self.joining.positions(),
            examples=self._examples,
            learned=self.learned,
            missed_changes=self._learner.missed_changes - self._missed_changes,
            watermark_ns=self._watermark_ns,
            arrivals=Arrivals(self._oldest_ns, self._newest_ns),
            metrics=self._learner.metrics(),
            encode_s=time.thread_time() - started,
            delta=delta,
        )
        self.learned = 0
        self._captured_offsets = sum(self._offsets.values())
        # Not cleared: a learner may still hold the row that it was asked for.
        self._touched = {}
        self._missed_changes += captured.missed_changes
        self._oldest_ns = self._newest_ns = 0
        return captured

    def keep_back(self, captured: Captured) -> None:
        """`captured` is not pushed: the next one begins where it began."""
        self._kept_back = captured
        self.learned += captured.learned
        if captured.arrivals.oldest_ns:
            self._oldest_ns = captured.arrivals.oldest_ns
            self._newest_ns = max(self._newest_ns, captured.arrivals.newest_ns)

    def serving_side(self) -> tuple[Mapping[int, Unit], bytes]:
        """The units that answer, and their root, as of the last capture."""
        return dict(self._learner.state().serving), self._learner.roots()[0]

    def refusal(self, captured: Captured) -> str:
        """Why `captured`, which was just taken, is out of bounds; empty where it may be pushed."""
        bounds = self.judges.bounds
        return "" if bounds is None else bounds.refusal(captured.delta.serving, self._learner.predict)

    @property
    def last(self) -> Where | None:
        """The last example that was learned."""
        return self._last

    def _learn_batch(self, refused: list[Refused]) -> None:
        batch, self._batch = self._batch, []
        try:
            weights = [importance(one, self._score(one)) for one in batch]
            self._learner.learn(
                [one.example.features for one in batch], [one.example.label for one in batch], weights
            )
        except NotReady as error:
            if self.learned and self._last is not None:
                raise Diverged(self._last) from error
            refused += [Refused(one.event, str(error), one.stream) for one in batch]
        except InvalidInput as error:
            # Nobody can say which of them it was, and a batch cannot be learned in parts.
            refused += [Refused(one.event, str(error), one.stream) for one in batch]
        else:
            self._learned_batch(batch)
        if self._sources is not None:
            # Nothing is left of it where it was learned.
            self._sources.give_back()
        for one in batch:
            self._settled(one)
        if self._beside_batch:
            self._judge_beside(refused)

    def _score(self, joined: JoinedExample) -> Prediction | None:
        """Have `joined` judged by what the newest weights answer; their answer, None where they have none.

        Raises `NotReady` where it is not finite.
        """
        example = joined.example
        newest = None
        # Some models answer only once they have learned; without an answer none is judged.
        with contextlib.suppress(InvalidInput):
            newest = self._learner.predict(example.features)
            if joined.origin.is_judged:
                self._learner.score(example.features, example.label, newest)
        for scorer in self._scorers:
            scorer.score(joined, newest)
        return newest

    def _learned_batch(self, batch: Sequence[JoinedExample]) -> None:
        for one in batch:
            event = one.event
            received_ns = event.received_ns
            if received_ns < self._oldest_ns or not self._oldest_ns:
                self._oldest_ns = received_ns
            if received_ns > self._newest_ns:
                self._newest_ns = received_ns
            if event.time_ns > self._watermark_ns:
                self._watermark_ns = event.time_ns
            self._touched.update(one.example.features)
        if self._sources is not None:
            self._sources.settle()
        self._last = where_of(batch[-1])
        self._examples += len(batch)
        self.learned += len(batch)
