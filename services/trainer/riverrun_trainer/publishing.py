"""The versions of one session, from the learner to the server's answer: at most one is on its way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from riverrun.core.events import OffsetRange
from riverrun.core.verdicts import Verdict
from riverrun.rpc.trainer_session import TrainerSession
from riverrun.rpc.weights import Pushed
from riverrun.runtime import metrics
from riverrun.runtime.failpoints import reach
from riverrun_trainer.captured import Captured
from riverrun_trainer.diverged import Diverged
from riverrun_trainer.judging.gating import Gating
from riverrun_trainer.learning import Learning
from riverrun_trainer.line_context import SOURCE, LineMemory, Surroundings
from riverrun_trainer.named_lots import NamedLots
from riverrun_trainer.publish_pace import PublishPace
from riverrun_trainer.publisher import Publisher, Target
from riverrun_trainer.session_pulse import SessionPulse

THREAD_FROM_S = 0.005
"""A state that took longer to encode is encoded in a thread the next time, while learning waits."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Answered:
    captured: Captured
    pushed: Pushed
    taken_s: float


class Publishing:
    """Of one session; what it raises ends that."""

    def __init__(
        self,
        session: TrainerSession,
        model: str,
        line: int,
        memory: LineMemory,
        around: Surroundings,
        pulse: SessionPulse,
        lots: NamedLots,
    ) -> None:
        opened = session.opened
        head = opened.head.version if opened.head else 0
        target = Target(model, line, opened.epoch, opened.store_id)
        self._session = session
        self._model = model
        self._memory = memory
        self._clock = around.clock
        self._pulse = pulse
        self._lots = lots
        self._publisher = Publisher(around.client, session, target, head, opened.skipped, pulse.tell)
        self._gating = Gating(session, model, around)
        self._push: asyncio.Task[_Answered] | None = None
        self._encode_s = 0.0

    @property
    def head(self) -> int:
        """The line's newest version, 0 for none."""
        return self._publisher.head

    @property
    def is_under_way(self) -> bool:
        """Whether a version is on its way, or its answer not taken note of."""
        return self._push is not None

    @property
    def has_answer(self) -> bool:
        """Whether `answered` would return at once with something to take note of."""
        return self._push is not None and self._push.done()

    def skip(self, ranges: Sequence[OffsetRange]) -> None:
        """Have the next version say that `ranges` were never learned."""
        self._publisher.skip(ranges)

    def cancel(self) -> None:
        """Wait no more for the answer to the version on its way, if any."""
        if self._push is not None:
            self._push.cancel()

    async def start_gate(self, learning: Learning) -> None:
        """Have the gate compare with the newest good version."""
        gate = learning.judges.gate
        if gate is not None:
            await self._pulse.working(self._gating.start(gate, learning, self.head))

    async def tell_verdicts(self, learning: Learning) -> None:
        """Send what the gate has come to, if anything."""
        gate = learning.judges.gate
        if gate is not None and gate.has_verdicts:
            await self._pulse.working(self._gating.tell(gate, self.head))

    async def publish(self, learning: Learning, pace: PublishPace | None = None) -> None:
        """Take the state and send it on its way; learning may go on when this returns.

        Raises `Diverged` where it is not finite, or out of its bounds and the policy is to reset.
        """
        # Nothing that is not finite is published: the event that broke the model is found and set aside.
        try:
            learning.check_finite()
        except Diverged as diverged:
            self._lots.blame(diverged)
            raise
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

    async def answered(self) -> None:
        """Wait for the answer to the version on its way, if any, and take note of it."""
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

    async def _send(self, captured: Captured, taken_s: float) -> _Answered:
        return _Answered(captured, await self._publisher.push(captured, SOURCE), taken_s)

    def _count_missed(self, captured: Captured) -> None:
        if captured.missed_changes:
            metrics.MISSED_CHANGES.labels(self._model).inc(captured.missed_changes)
            log.error(
                "a change of the model was found that nothing had told of; versions before this one lack it",
                model=self._model,
                changes=captured.missed_changes,
            )

    async def _is_within_bounds(self, learning: Learning, captured: Captured) -> bool:
        """Whether `captured` may be pushed. Where it may not, learning goes on, or the session ends."""
        reason = learning.refusal(captured)
        if not reason:
            if self._memory.out_of_bounds:
                self._memory.out_of_bounds = False
                self._pulse.tell("")
            return True
        metrics.GATE_FINDINGS.labels(self._model, "out-of-bounds").inc()
        if self.head and not self._memory.out_of_bounds:
            log.warning("a version is out of its bounds", model=self._model, reason=reason)
            verdict = Verdict(self.head, False, "gate.out-of-bounds", reason)
            await self._pulse.working(self._session.judge(verdict))
        self._memory.out_of_bounds = True
        if learning.spec.gate.on_refusal == "reset" and learning.progress.last is not None:
            diverged = Diverged(learning.progress.last, reason)
            self._lots.blame(diverged)
            raise diverged
        learning.progress.keep_back(captured)
        self._pulse.tell(f"versions are out of their bounds: {reason}")
        return False
