"""The learning loop of one session: take events, learn, publish; one task, in slices of 2 ms."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from riverrun.core.errors import InvalidInput, Unavailable
from riverrun.core.events import OffsetRange, Offsets
from riverrun.core.spec import ModelSpec, PublishSpec, parse_spec
from riverrun.core.verdicts import Verdict
from riverrun.rpc.trainer_session import TrainerSession
from riverrun.rpc.weights import Pushed
from riverrun.runtime import metrics
from riverrun.runtime.failpoints import reach
from riverrun_trainer.captured import Captured
from riverrun_trainer.caution import Caution, JoinCaution
from riverrun_trainer.dead_letters import DeadLetters
from riverrun_trainer.feed import ExampleFeed, Feed
from riverrun_trainer.inbox import Inbox, LogLost
from riverrun_trainer.join_feed import JoinFeed
from riverrun_trainer.judging.gating import Gating
from riverrun_trainer.judging.reports import Reports
from riverrun_trainer.learning import Diverged, Learning, Where
from riverrun_trainer.line_context import SOURCE, LineMemory, Surroundings
from riverrun_trainer.publish_pace import PublishPace
from riverrun_trainer.publisher import Publisher, Target
from riverrun_trainer.restoring import fresh_learning, restored_learning
from riverrun_trainer.retrain_starter import RetrainStarter
from riverrun_trainer.session_pulse import SessionPulse

SLICE_S = 0.002
"""Learning goes on this long before other tasks get their turn."""

THREAD_FROM_S = 0.005
"""A state that took longer to encode is encoded in a thread the next time, while learning waits."""

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

NO_CAUTION = Caution(SOURCE, 0, 0, unclean_end=False, suspects=())

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Answered:
    captured: Captured
    pushed: Pushed
    taken_s: float


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
        head = self._opened.head
        target = Target(model, line, self._opened.epoch, self._opened.store_id)
        self._publisher = Publisher(
            around.client,
            session,
            target,
            head.version if head else 0,
            self._opened.skipped,
            self._pulse.tell,
        )
        self._push: asyncio.Task[_Answered] | None = None
        self._encode_s = 0.0
        self._dead_letters = DeadLetters(around.event_log, model)
        self._gating = Gating(session, model, around)
        self._caution: Caution | JoinCaution = NO_CAUTION
        # What the server was told to be learned next; None where nothing need be told.
        self._lot: OffsetRange | None = None

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
                if self._push is not None:
                    self._push.cancel()

    async def _prepared(self, spec: ModelSpec) -> Learning:
        """The line's learning; an untrained one is published before it learns (DECISIONS 6)."""
        head = self._opened.head
        if head is not None:
            restored = await self._pulse.working(restored_learning(spec, self._opened, head, self._around))
            reach("trainer.after-restore")
            return restored
        learning = await self._pulse.working(fresh_learning(spec, self._opened, self._around))
        await self._publish(learning)
        await self._pulse.working(self._answered())
        return learning

    async def _learn(self, learning: Learning, spec: ModelSpec) -> None:
        feed = await self._pulse.working(self._opened_feed(learning))
        for reader in feed.readers():
            self._pulse.start(reader)
        self._pulse.start(self._measure_lag(learning))
        for work in learning.judges.beside:
            self._pulse.start(work())
        for task in () if self._course is None else self._course.tasks(self._opened.epoch):
            self._pulse.start(task)
        reports = Reports(
            self._model, self._line, learning, lambda: self._publisher.head, self._clock.wall_ns
        )
        self._pulse.evaluation = reports.changed
        triggers, retrains = learning.judges.triggers, self._around.retrains
        if triggers is not None and retrains is not None:
            starter = RetrainStarter(
                self._model, self._line, learning, triggers, self._around.client, retrains
            )
            self._pulse.start(starter.run())
        pace = PublishPace(self._model, self._publishing(spec), learning, self._clock.monotonic())
        gate = learning.judges.gate
        if gate is not None:
            await self._pulse.working(self._gating.start(gate, learning, self._publisher.head))
        self._caution = await self._pulse.working(self._cautious(learning))
        # What this process saw of an event says more than that trainers ended at it.
        self._memory.poisoned = {**self._caution.poisoned, **self._memory.poisoned}
        while not self._pulse.stopping:
            await self._pulse.beat()
            if self._takes_another_session(pace, spec):
                break
            if self._push is not None and self._push.done():
                await self._answered()
            if self._may_learn(learning, feed):
                await self._name_lot(learning, feed)
                self._learn_slice(learning, feed, pace)
                if gate is not None and gate.has_verdicts:
                    await self._pulse.working(self._gating.tell(gate, self._publisher.head))
            self._publisher.skip(feed.take_expired())
            is_due = self._is_due(learning, feed, pace)
            waiting = self._dead_letters.waiting
            if waiting and (is_due or waiting >= LETTERS_TOGETHER or not self._may_learn(learning, feed)):
                # Durable before any version says that the trainer is past their events.
                reach("trainer.before-letters")
                await self._dead_letters.flush()
                reach("trainer.after-letters")
            if is_due:
                await self._publish(learning, pace)
            if self._course is not None and self._course.step(learning):
                await self._publish_rest(learning)
                await self._pulse.working(self._course.conclude(self._opened.epoch))
            if self._may_learn(learning, feed):
                await asyncio.sleep(0)
            else:
                now_s = self._clock.monotonic()
                await self._pulse.wait(math.inf if self._push is not None else pace.next_s(now_s))
        await self._finish(learning)

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
        learned, limit = learning.learned, pace.events_left
        if self._lot is not None:
            where = feed.next_learned()
            limit = 1 if where is None else self._lot.end - where[1]
        for refused in feed.learn(learning, limit, time.perf_counter() + SLICE_S, self._memory.poisoned):
            if self._course is None or self._course.keeps_letters:
                self._dead_letters.add(refused)
        reach("trainer.after-learning")
        self._pulse.learned += learning.learned - learned

    def _may_learn(self, learning: Learning, feed: Feed) -> bool:
        if not feed or self._lot is None:
            return bool(feed)
        # A lot is published before the next one is named, so that a death is at the one that was named.
        return self._push is None and (learning.learned == 0 or self._is_in_lot(feed.next_learned()))

    def _is_in_lot(self, where: Where | None) -> bool:
        lot = self._lot
        if lot is None or where is None:
            return False
        return where[0] is lot.stream and lot.start <= where[1] < lot.end

    def _is_due(self, learning: Learning, feed: Feed, pace: PublishPace) -> bool:
        if self._push is not None:
            return False
        if self._lot is not None:
            if self._may_learn(learning, feed):
                return False
            if learning.learned:
                return True
        return pace.is_due(self._clock.monotonic())

    async def _cautious(self, learning: Learning) -> Caution | JoinCaution:
        if learning.joining is not None:
            return JoinCaution(unclean_end=self._opened.unclean_end, suspects=self._opened.suspects)
        end: Offsets = {}
        if self._opened.unclean_end:
            end = await self._around.event_log.end(self._model, SOURCE)
        return Caution(
            SOURCE,
            sum(learning.offsets.values()),
            sum(end.values()),
            unclean_end=self._opened.unclean_end,
            suspects=self._opened.suspects,
        )

    async def _name_lot(self, learning: Learning, feed: Feed) -> None:
        """Tell the server what is learned next, where that must be told (DECISIONS 25)."""
        if not self._caution.is_needed:
            self._lot = None
            return
        where = feed.next_learned()
        if where is None or self._is_in_lot(where):
            return
        self._lot = lot = self._caution.lot(where)
        if lot is None or where in self._memory.poisoned:
            return
        if lot.end - lot.start > 1 or learning.learns_next:
            await self._pulse.working(self._session.attempt(lot))

    def _takes_another_session(self, pace: PublishPace, opened_with: ModelSpec) -> bool:
        """Use a new spec, where there is one; whether only the next session can, with a restored learner."""
        spec = self._pulse.new_spec()
        if spec is None:
            return False
        pace.use(self._publishing(spec))
        log.info("the publish policy changed", model=self._model, policy=spec.publish.describe())
        if self._course is not None and spec.retrain != opened_with.retrain:
            return True
        return any(kept(spec) != kept(opened_with) for kept in _KEPT_FOR_A_SESSION)

    async def _publish(self, learning: Learning, pace: PublishPace | None = None) -> None:
        """Take the state and send it on its way; learning may go on when this returns."""
        self._check_finite(learning)
        started_s = self._clock.monotonic()
        if self._encode_s > THREAD_FROM_S:
            captured = await self._pulse.working(asyncio.to_thread(learning.capture))
        else:
            captured = learning.capture()
        reach("trainer.after-capture")
        self._encode_s = captured.encode_s
        self._count_missed(captured)
        if pace is not None:
            pace.taken(captured.metrics, captured.encode_s, self._clock.monotonic())
        if not await self._is_within_bounds(learning, captured):
            return
        self._gating.captured(learning)
        self._push = asyncio.create_task(self._send(captured, started_s), name="push")
        self._push.add_done_callback(lambda _: self._pulse.wake())

    def _count_missed(self, captured: Captured) -> None:
        if captured.missed_changes:
            metrics.MISSED_CHANGES.labels(self._model).inc(captured.missed_changes)
            log.error(
                "a change of the model was found that nothing had told of; versions before this one lack it",
                model=self._model,
                changes=captured.missed_changes,
            )

    async def _send(self, captured: Captured, taken_s: float) -> _Answered:
        return _Answered(captured, await self._publisher.push(captured, SOURCE), taken_s)

    async def _answered(self) -> None:
        """Wait for the push in flight, if any, and take note of its answer."""
        if self._push is None:
            return
        answer = await self._push
        reach("trainer.after-push")
        self._push = None
        captured, version = answer.captured, answer.pushed.version
        took_s = self._clock.monotonic() - answer.taken_s
        metrics.PUBLISHED.labels(self._model).inc()
        metrics.PUBLISH_SECONDS.observe(took_s)
        metrics.TRAINED_VERSION.labels(self._model).set(version)
        metrics.LEARNED.labels(self._model).inc(captured.learned)
        if self._gating.is_waiting:
            await self._pulse.working(self._gating.pushed(version))
        for name, value in captured.metrics.items():
            metrics.PREQUENTIAL.labels(self._model, name).set(value)
        log.debug(
            "a version was pushed",
            model=self._model,
            version=version,
            learned=captured.learned,
            bytes=len(captured.serving) + len(captured.trainer),
            duration_s=round(took_s, 6),
            held=answer.pushed.held,
        )

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
        await self._answered()
        await self._dead_letters.flush()
        if learning.judges.answers is not None:
            learning.judges.answers.take_all()
        if learning.passed or learning.learned:
            await self._publish(learning)
            await self._answered()

    def _publishing(self, spec: ModelSpec) -> PublishSpec:
        return spec.publish if self._course is None else self._course.publish(spec.publish)

    async def _say_goodbye(self) -> None:
        """Say that no event is to blame for the end of the session."""
        with contextlib.suppress(Unavailable):
            await self._pulse.working(self._session.goodbye())

    def _check_finite(self, learning: Learning) -> None:
        """Nothing that is not finite is published: the event that broke the model is found and set aside."""
        try:
            learning.check_finite()
        except Diverged as diverged:
            self._set_aside(diverged)
            raise

    async def _is_within_bounds(self, learning: Learning, captured: Captured) -> bool:
        """Whether `captured` may be pushed. Where it may not, learning goes on, or the session ends."""
        reason = learning.refusal(captured)
        if not reason:
            if self._memory.out_of_bounds:
                self._memory.out_of_bounds = False
                self._pulse.tell("")
            return True
        metrics.GATE_FINDINGS.labels(self._model, "out-of-bounds").inc()
        if self._publisher.head and not self._memory.out_of_bounds:
            log.warning("a version is out of its bounds", model=self._model, reason=reason)
            verdict = Verdict(self._publisher.head, False, "gate.out-of-bounds", reason)
            await self._pulse.working(self._session.judge(verdict))
        self._memory.out_of_bounds = True
        if learning.spec.gate.on_refusal == "reset" and learning.last is not None:
            diverged = Diverged(learning.last, reason)
            self._set_aside(diverged)
            raise diverged
        learning.keep_back(captured)
        self._pulse.tell(f"versions are out of their bounds: {reason}")
        return False

    def _set_aside(self, diverged: Diverged) -> None:
        """Learn the event never again, where it was learned alone and so is to blame."""
        if self._lot is not None and self._lot.end - self._lot.start == 1:
            self._memory.poisoned[diverged.where] = f"{diverged.reason} after learning it"
