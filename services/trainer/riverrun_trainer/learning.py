"""A learner and where it stands: the position is always exactly that of what was learned."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from functools import partial

from riverrun.codec.wire import encode_side
from riverrun.core.errors import InvalidInput, NotReady
from riverrun.core.events import Example, LoggedEvent, Offsets, Stream
from riverrun.core.examples_json import decode_example
from riverrun.core.joining import JoinedExample
from riverrun.core.spec import ModelSpec
from riverrun.core.units import Unit
from riverrun.learners.protocol import Learner
from riverrun_trainer.captured import Captured
from riverrun_trainer.diverged import Diverged
from riverrun_trainer.joining.line_join import LineJoin
from riverrun_trainer.judging.judges import NO_JUDGES, Judges
from riverrun_trainer.mini_batch import MiniBatch
from riverrun_trainer.progress import Progress
from riverrun_trainer.refused import Refused
from riverrun_trainer.state_parts import StateParts
from riverrun_trainer.where import NOWHERE_POISONED, Where, where_of

NONE_POISONED: Mapping[int, str] = {}


def _nothing(joined: JoinedExample) -> None:
    pass


class Learning:
    """Learns events one after another; knows nothing of sessions, streams or time.

    Mini-batches are counted in the line's examples alone (DECISIONS 24): `offsets` stays at the end of
    the last finished one, and the events of `batch`, the unfinished one, are read again after a restart.
    `progress` says what was learned.
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
        self.judges = judges
        self.progress = Progress(examples, watermark_ns)
        self._learner = learner
        self._parts = parts or StateParts(learner)
        self._settle = _nothing if joining is None else joining.outcomes.settle
        self.batch = MiniBatch(learner, self.progress, judges, self._settle, since_ns)
        self._offsets: dict[int, int] = dict(offsets)
        # Where the events of an unfinished mini-batch end.
        self._taken: dict[int, int] = {}
        self._captured_offsets = sum(self._offsets.values())
        self._missed_changes = learner.missed_changes

    @property
    def offsets(self) -> Offsets:
        """Where an equal learner would go on reading."""
        return dict(self._offsets)

    @property
    def passed(self) -> int:
        """Events that the positions moved past since the last capture, learned or refused."""
        joined = 0 if self.joining is None else self.joining.ledger.changes_left
        return sum(self._offsets.values()) - self._captured_offsets + joined

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
        read, check, batch = self.read, self._learner.check, self.batch
        for event in events:
            if poisoned and event.offset in poisoned:
                batch.refuse(poisoned[event.offset], refused)
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
                    batch.add(joined, refused)
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
                    self.batch.refuse(reason, refused)
                    raise InvalidInput("", reason)
                self._learner.check(example.features, example.label, example.weight)
            except InvalidInput as error:
                refused.append(Refused(one.event, str(error), one.stream))
                self._settle(one)
            else:
                self.batch.add(one, refused)
        if not self.batch.waiting and self._taken:
            self._offsets.update(self._taken)
            self._taken.clear()
        return refused

    def check_finite(self) -> None:
        """Raise `Diverged` when the model has no finite answer to what was learned since the last capture.

        It is asked for one row of all features learned from, for the last event alone may lack the one
        whose weight is broken. Of a feature with categories only the newest is in that row.
        """
        progress = self.progress
        if progress.last is None or not progress.touched:
            return
        try:
            # A row may be one that the model cannot answer for; that says nothing of its weights.
            with contextlib.suppress(InvalidInput):
                self._learner.predict(progress.touched)
        except NotReady as error:
            raise Diverged(progress.last) from error

    def metrics(self) -> Mapping[str, float]:
        """The prequential metrics so far."""
        return self._learner.metrics()

    def capture(self) -> Captured:
        """The state as it is now, as a delta from the capture before, or from where one that was kept back
        began. Raises as `Learner.changes` does.
        """
        started = time.thread_time()
        progress = self.progress
        changed, (serving_root, trainer_root) = self._parts.changes()
        delta = progress.since_kept_back(changed)
        captured = Captured(
            serving=encode_side(delta.serving),
            trainer=encode_side(delta.trainer),
            serving_root=serving_root,
            trainer_root=trainer_root,
            next_unit=delta.next_unit,
            offsets=self.offsets,
            joined_positions={} if self.joining is None else self.joining.positions(),
            examples=progress.examples,
            learned=progress.learned,
            missed_changes=self._learner.missed_changes - self._missed_changes,
            watermark_ns=progress.watermark_ns,
            arrivals=progress.arrivals,
            metrics=self._learner.metrics(),
            encode_s=time.thread_time() - started,
            delta=delta,
        )
        progress.start_anew()
        self._captured_offsets = sum(self._offsets.values())
        self._missed_changes += captured.missed_changes
        return captured

    def serving_side(self) -> tuple[Mapping[int, Unit], bytes]:
        """The units that answer, and their root, as of the last capture."""
        return dict(self._learner.state().serving), self._learner.roots()[0]

    def refusal(self, captured: Captured) -> str:
        """Why `captured`, which was just taken, is out of bounds; empty where it may be pushed."""
        bounds = self.judges.bounds
        return "" if bounds is None else bounds.refusal(captured.delta.serving, self._learner.predict)

    def _met(self, example: Example, event: LoggedEvent) -> JoinedExample | None:
        """The example with what was served for it; None for one that was learned by its prediction's id."""
        if self.joining is not None and example.prediction_id:
            return self.joining.join.take_example(example, event)
        return JoinedExample(example, event, Stream.EXAMPLES, event.time_ns)

    def _pass(self, event: LoggedEvent) -> None:
        """Move past `event`, which is learned or refused, or waits in an unfinished mini-batch."""
        if self.batch.waiting:
            self._taken[event.partition] = event.offset + 1
            return
        if self._taken:
            self._offsets.update(self._taken)
            self._taken.clear()
        self._offsets[event.partition] = event.offset + 1
