"""The learning loop of one session: take events, learn, publish; one task, in slices of 2 ms."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Sequence

import structlog

from riverrun.core.errors import InvalidInput, Unavailable
from riverrun.core.spec import ModelSpec, PublishSpec, parse_spec
from riverrun.rpc.trainer_session import TrainerSession
from riverrun.runtime import metrics
from riverrun.runtime.failpoints import reach
from riverrun_trainer.dead_letters import DeadLetters
from riverrun_trainer.feed import ExampleFeed, Feed
from riverrun_trainer.inbox import Inbox, LogLost
from riverrun_trainer.join_feed import JoinFeed
from riverrun_trainer.judging.reports import Reports
from riverrun_trainer.learning import Learning
from riverrun_trainer.line_context import SOURCE, LineMemory, Surroundings
from riverrun_trainer.named_lots import NamedLots
from riverrun_trainer.publish_pace import PublishPace
from riverrun_trainer.publishing import Publishing
from riverrun_trainer.restoring import fresh_learning, restored_learning
from riverrun_trainer.retrain_starter import RetrainStarter
from riverrun_trainer.session_pulse import SessionPulse

SLICE_S = 0.002
"""Learning goes on this long before other tasks get their turn."""

LETTERS_TOGETHER = 256
"""Dead letters that wait at most while there is more to learn: an append for each slice's would cost more
than the learning."""

LAG_EVERY_S = 2.0

_KEPT_FOR_A_SESSION: Sequence[Callable[[ModelSpec], object]] = (
    lambda spec: spec.publish.precision,
    lambda spec: spec.label,
    lambda spec: spec.gate,
    lambda spec: spec.holdout,
    lambda spec: spec.slices,
    lambda spec: spec.sources,
    lambda spec: spec.drift,
    lambda spec: spec.retrain.when,
)
"""Policies that only another session can take up, with a restored learner."""

log = structlog.get_logger()


class SessionLoop:
    """Learns one line for as long as one session lives."""

    def __init__(
        self, session: TrainerSession, model: str, line: int, memory: LineMemory, around: Surroundings
    ) -> None:
        self._opened = session.opened
        self._model = model
        self._line = line
        self._memory = memory
        self._around = around
        self._course = around.course
        self._clock = around.clock
        self._session = session
        self._pulse = SessionPulse(session, around)
        self._lots = NamedLots(session, model, memory, around, self._pulse)
        self._publishing = Publishing(session, model, line, memory, around, self._pulse, self._lots)
        self._dead_letters = DeadLetters(around.event_log, model)

    @property
    def ticked_s(self) -> float:
        """When the loop last moved, on the monotonic clock."""
        return self._pulse.ticked_s

    async def run(self) -> None:
        """Learn until stopping is asked for, then publish what was learned; or until a new spec may help.

        Raises what ended the session: `Fenced`, `StaleBase`, `WrongStore`, `Unavailable`, `Diverged` …
        """
        async with self._pulse:
            try:
                spec = parse_spec(self._opened.spec_yaml)
                await self._learn(await self._prepared(spec), spec)
            except (InvalidInput, LogLost) as error:
                # Nothing that trying again would mend.
                log.warning("the line cannot be learned", model=self._model, reason=str(error))
                await self._pulse.hold(str(error))
                await self._say_goodbye()
            finally:
                self._publishing.cancel()

    async def _prepared(self, spec: ModelSpec) -> Learning:
        """The line's learning; an untrained one is published before it learns (DECISIONS 6)."""
        head = self._opened.head
        if head is not None:
            restored = await self._pulse.working(restored_learning(spec, self._opened, head, self._around))
            reach("trainer.after-restore")
            return restored
        learning = await self._pulse.working(fresh_learning(spec, self._opened, self._around))
        await self._publishing.publish(learning)
        await self._pulse.working(self._publishing.answered())
        return learning

    async def _learn(self, learning: Learning, spec: ModelSpec) -> None:
        feed = await self._pulse.working(self._opened_feed(learning))
        self._start_beside(learning, feed)
        pace = PublishPace(self._model, self._publish_spec(spec), learning, self._clock.monotonic())
        await self._publishing.start_gate(learning)
        await self._lots.begin(learning)
        while not self._pulse.stopping:
            await self._pulse.beat()
            if self._takes_another_session(pace, spec):
                break
            if self._publishing.has_answer:
                await self._publishing.answered()
            if self._may_learn(learning, feed):
                await self._lots.name(learning, feed.next_learned())
                self._learn_slice(learning, feed, pace)
                await self._publishing.tell_verdicts(learning)
            self._publishing.skip(feed.take_expired())
            is_due = self._is_due(learning, feed, pace)
            waiting = self._dead_letters.waiting
            if waiting and (is_due or waiting >= LETTERS_TOGETHER or not self._may_learn(learning, feed)):
                # Durable before any version says that the trainer is past their events.
                reach("trainer.before-letters")
                await self._dead_letters.flush()
                reach("trainer.after-letters")
            if is_due:
                await self._publishing.publish(learning, pace)
            if self._course is not None and self._course.step(learning):
                await self._publish_rest(learning)
                await self._pulse.working(self._course.conclude(self._opened.epoch))
            if self._may_learn(learning, feed):
                await asyncio.sleep(0)
            else:
                now_s = self._clock.monotonic()
                await self._pulse.wait(math.inf if self._publishing.is_under_way else pace.next_s(now_s))
        await self._finish(learning)

    def _start_beside(self, learning: Learning, feed: Feed) -> None:
        """Start what goes on beside learning for as long as the session lives."""
        for reader in feed.readers():
            self._pulse.start(reader)
        self._pulse.start(self._measure_lag(learning))
        for work in learning.judges.beside:
            self._pulse.start(work())
        for task in () if self._course is None else self._course.tasks(self._opened.epoch):
            self._pulse.start(task)
        reports = Reports(
            self._model, self._line, learning, lambda: self._publishing.head, self._clock.wall_ns
        )
        self._pulse.evaluation = reports.changed
        triggers, retrains = learning.judges.triggers, self._around.retrains
        if triggers is not None and retrains is not None:
            starter = RetrainStarter(
                self._model, self._line, learning, triggers, self._around.client, retrains
            )
            self._pulse.start(starter.run())

    async def _opened_feed(self, learning: Learning) -> Feed:
        log_, wake = self._around.event_log, self._pulse.wake
        if learning.joining is None:
            feed: Feed = ExampleFeed(Inbox(log_, self._model, SOURCE, learning.offsets, wake))
        else:
            joined = JoinFeed(log_, self._model, learning.joining, learning, wake)
            await joined.begin()
            feed = joined
        return feed if self._course is None else self._course.feed(learning.spec, feed, wake)

    def _learn_slice(self, learning: Learning, feed: Feed, pace: PublishPace) -> None:
        """Learn until the slice is used up, nothing is left, or a version may be due."""
        learned, limit = learning.progress.learned, pace.events_left
        if self._lots.are_named:
            limit = self._lots.left(feed.next_learned())
        for refused in feed.learn(learning, limit, time.perf_counter() + SLICE_S, self._memory.poisoned):
            if self._course is None or self._course.keeps_letters:
                self._dead_letters.add(refused)
        reach("trainer.after-learning")
        self._pulse.learned += learning.progress.learned - learned

    def _may_learn(self, learning: Learning, feed: Feed) -> bool:
        if not feed or not self._lots.are_named:
            return bool(feed)
        if self._publishing.is_under_way:
            return False
        return learning.progress.learned == 0 or self._lots.hold(feed.next_learned())

    def _is_due(self, learning: Learning, feed: Feed, pace: PublishPace) -> bool:
        if self._publishing.is_under_way:
            return False
        if self._lots.are_named:
            if self._may_learn(learning, feed):
                return False
            if learning.progress.learned:
                return True
        return pace.is_due(self._clock.monotonic())

    def _takes_another_session(self, pace: PublishPace, opened_with: ModelSpec) -> bool:
        """Use a new spec, where there is one; whether only the next session can, with a restored learner."""
        spec = self._pulse.new_spec()
        if spec is None:
            return False
        pace.use(self._publish_spec(spec))
        log.info("the publish policy changed", model=self._model, policy=spec.publish.describe())
        if self._course is not None and spec.retrain != opened_with.retrain:
            return True
        return any(kept(spec) != kept(opened_with) for kept in _KEPT_FOR_A_SESSION)

    async def _measure_lag(self, learning: Learning) -> None:
        lag = metrics.LOG_LAG.labels(self._model)
        while True:
            with contextlib.suppress(Unavailable):
                end = await self._around.event_log.end(self._model, SOURCE)
                lag.set(max(0, sum(end.values()) - sum(learning.offsets.values())))
            await asyncio.sleep(LAG_EVERY_S)

    async def _finish(self, learning: Learning) -> None:
        await self._publish_rest(learning)
        if self._pulse.stopping:
            await self._say_goodbye()

    async def _publish_rest(self, learning: Learning) -> None:
        """Publish what was learned and is not published yet."""
        await self._publishing.answered()
        await self._dead_letters.flush()
        if learning.judges.answers is not None:
            learning.judges.answers.take_all()
        if learning.passed or learning.progress.learned:
            await self._publishing.publish(learning)
            await self._publishing.answered()

    def _publish_spec(self, spec: ModelSpec) -> PublishSpec:
        return spec.publish if self._course is None else self._course.publish(spec.publish)

    async def _say_goodbye(self) -> None:
        """Say that no event is to blame for the end of the session."""
        with contextlib.suppress(Unavailable):
            await self._pulse.working(self._session.goodbye())
