"""Predictions, labels and examples merged by their receipt, through the join, to the learner."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any

from riverrun.core.errors import InvalidInput, Unavailable
from riverrun.core.events import NO_POSITIONS, LoggedEvent, LogMoment, OffsetRange, Offsets, Stream
from riverrun.events.protocol import EventLog
from riverrun.runtime import metrics
from riverrun_trainer.inbox import Inbox
from riverrun_trainer.joining.line_join import LineJoin
from riverrun_trainer.joining.watermark import Watermark
from riverrun_trainer.learning import Learning
from riverrun_trainer.refused import Refused
from riverrun_trainer.where import Where, where_of

MOMENT_EVERY_S = 1.0
"""How often the log is asked for its time: with no traffic that is what moves the watermark."""

IN_STEP_S = 10.0
"""How long what was logged before the session is merged strictly in order, however slow one stream is."""

STREAMS = (Stream.PREDICTIONS, Stream.LABELS, Stream.EXAMPLES)
"""In the order in which events of one moment are taken."""


class JoinFeed:
    """Reads the three streams from where the join left them.

    What was logged before the session is taken in order of receipt, so that a replay takes the same path.
    What comes later is taken as it comes: nobody waits for a stream that may have nothing.
    """

    def __init__(
        self, event_log: EventLog, model: str, joining: LineJoin, learning: Learning, wake: Callable[[], None]
    ) -> None:
        self._log = event_log
        self._model = model
        self._joining = joining
        self._join = joining.join
        self._outcomes = joining.outcomes
        self._watermark = Watermark(by_events=joining.by_events, start_ns=joining.ledger.watermark_ns)
        self._learning = learning
        self._learned_to = learning.offsets
        self._wake = wake
        self._inboxes: dict[Stream, Inbox] = {}
        self._moment = LogMoment(0, NO_POSITIONS)
        self._in_step_ns = 0
        self._in_step_until_s = 0.0

    async def begin(self) -> None:
        """Find out where the streams are; before anything else. Raises what the log raises."""
        self._moment = await self._log.moment(self._model)
        for stream in STREAMS:
            start = self._joining.ledger.starts(stream)
            if stream is Stream.EXAMPLES:
                start = {n: min(offset, start.get(n, offset)) for n, offset in self._learned_to.items()}
            start = start or await self._oldest(stream)
            self._inboxes[stream] = Inbox(self._log, self._model, stream, start, self._wake)
        self._in_step_ns = self._moment.clock_ns
        self._in_step_until_s = time.monotonic() + IN_STEP_S

    def readers(self) -> Iterable[Coroutine[Any, Any, None]]:
        """See `Feed.readers`."""
        return [*(inbox.fill() for inbox in self._inboxes.values()), self._follow_clock()]

    def __bool__(self) -> bool:
        return bool(self._outcomes.ready) or self._choose() is not None

    def next_learned(self) -> Where | None:
        """See `Feed.next_learned`."""
        ready = self._outcomes.ready
        while not ready:
            found = self._choose()
            if found is None:
                self._advance()
                break
            stream, event = found
            if stream is Stream.EXAMPLES and self._is_new(event):
                return (stream, event.offset)
            self._take(stream, self._inboxes[stream].pop())
        if not ready:
            return None
        one = ready[0]
        return (one.stream, one.event.offset) if isinstance(one, Refused) else where_of(one)

    def learn(
        self, learning: Learning, limit: float, until_s: float, poisoned: Mapping[Where, str]
    ) -> list[Refused]:
        """See `Feed.learn`."""
        refused: list[Refused] = []
        ready = self._outcomes.ready
        self._advance()
        while limit > 0:
            if ready:
                one = ready.popleft()
                if isinstance(one, Refused):
                    refused.append(one)
                else:
                    refused += learning.take_joined([one], poisoned)
                    limit -= 1
            else:
                found = self._choose()
                if found is None:
                    break
                stream, event = found
                if stream is Stream.EXAMPLES and self._is_new(event):
                    limit -= self._learn_examples(learning, limit, until_s, poisoned, refused)
                else:
                    self._take(stream, self._inboxes[stream].pop())
            if time.perf_counter() >= until_s:
                break
        self._count()
        return refused

    def take_expired(self) -> Sequence[OffsetRange]:
        """See `Feed.take_expired`; what was taken before is only not remembered."""
        expired: list[OffsetRange] = []
        for stream, inbox in self._inboxes.items():
            taken = self._learned_to if stream is Stream.EXAMPLES else self._joining.ledger.positions(stream)
            for gone in inbox.take_expired():
                start = max(gone.start, taken.get(gone.partition, 0))
                if start < gone.end:
                    expired.append(OffsetRange(stream, gone.partition, start, gone.end))
                self._joining.ledger.pass_by(stream, {gone.partition: gone.end})
        return expired

    def _choose(self) -> tuple[Stream, LoggedEvent] | None:
        """The next event by time of receipt; None where there is none, or an earlier one may still come."""
        chosen: tuple[Stream, LoggedEvent] | None = None
        for stream, inbox in self._inboxes.items():
            if inbox and (chosen is None or inbox.peek().received_ns < chosen[1].received_ns):
                chosen = (stream, inbox.peek())
        if chosen is None or not self._in_step_ns:
            return chosen
        if chosen[1].received_ns > self._in_step_ns or time.monotonic() > self._in_step_until_s:
            self._in_step_ns = 0
            return chosen
        for stream, inbox in self._inboxes.items():
            if not inbox and not inbox.is_past(self._moment.ends.get(stream, {})):
                return None
        return chosen

    def _take(self, stream: Stream, event: LoggedEvent) -> None:
        if self._in_step_ns:
            # In step nothing received earlier is still to come.
            self._advance(event.received_ns - 1)
        self._watermark.saw(event.received_ns, event.time_ns)
        if stream is Stream.PREDICTIONS:
            self._join.take_prediction(event)
        elif stream is Stream.LABELS:
            self._join.take_label(event)
        else:
            with contextlib.suppress(InvalidInput):
                example = self._learning.read(event.body)
                if example.prediction_id:
                    self._join.recall_example(example, event)

    def _learn_examples(
        self,
        learning: Learning,
        limit: float,
        until_s: float,
        poisoned: Mapping[Where, str],
        refused: list[Refused],
    ) -> int:
        """Examples with features: many where nothing else is to be taken, else one; how many it were."""
        inbox = self._inboxes[Stream.EXAMPLES]
        alone = not self._in_step_ns and not any(self._inboxes[other] for other in STREAMS[:2])
        if self._in_step_ns:
            self._advance(inbox.peek().received_ns - 1)
        offsets = {offset: why for (stream, offset), why in poisoned.items() if stream is Stream.EXAMPLES}
        count = len(inbox)
        refused += learning.take(self._seen(inbox, limit if alone else 1, until_s), offsets)
        self._joining.ledger.pass_by(Stream.EXAMPLES, learning.offsets)
        return count - len(inbox)

    def _seen(self, inbox: Inbox, count: float, until_s: float) -> Iterable[LoggedEvent]:
        for event in inbox.take(count, until_s):
            self._watermark.saw(event.received_ns, event.time_ns)
            yield event

    def _is_new(self, example: LoggedEvent) -> bool:
        return example.offset >= self._learned_to.get(example.partition, 0)

    def _advance(self, covered_ns: int | None = None) -> None:
        if covered_ns is None:
            covered_ns = min(inbox.covered_ns(self._moment) for inbox in self._inboxes.values())
        self._join.advance(self._watermark.reach(covered_ns))

    def _count(self) -> None:
        if self._outcomes.counts:
            for outcome, count in self._outcomes.take_counts().items():
                metrics.JOINED.labels(self._model, outcome).inc(count)
        metrics.JOIN_OPEN.labels(self._model).set(len(self._join))

    async def _follow_clock(self) -> None:
        while True:
            await asyncio.sleep(MOMENT_EVERY_S)
            with contextlib.suppress(Unavailable):
                self._moment = await self._log.moment(self._model)
                self._advance()
                metrics.JOIN_WATERMARK.labels(self._model).set(self._watermark.now_ns / 1e9)
                if self._outcomes.ready or self._outcomes.counts:
                    self._wake()

    async def _oldest(self, stream: Stream) -> Offsets:
        """Where a stream begins that was never read."""
        reading = self._log.read(self._model, stream, {}, follow=False, limit=1)
        async with contextlib.aclosing(reading) as batches:
            async for batch in batches:
                return {batch[0].partition: batch[0].offset}
        return dict(self._moment.ends.get(stream, {0: 0}))
