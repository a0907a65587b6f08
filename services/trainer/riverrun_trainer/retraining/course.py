"""What a retrain does beside learning: it catches up, is compared with live, and comes to an end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from typing import Any

import structlog

from riverrun.core.errors import InvalidInput, NotReady, Unavailable
from riverrun.core.events import Positions, Stream
from riverrun.core.parts import Part
from riverrun.core.retraining import RetrainPhase, RetrainProgress
from riverrun.core.spec import ModelSpec, PublishSpec
from riverrun.core.units import Unit
from riverrun.core.versions import LIVE
from riverrun.rpc.retrain_client import RetrainClient
from riverrun.runtime.failpoints import reach
from riverrun_trainer.feed import Feed
from riverrun_trainer.judging.judges import Judges
from riverrun_trainer.learning import Learning
from riverrun_trainer.line_context import Surroundings
from riverrun_trainer.retraining.champion import Champion
from riverrun_trainer.retraining.contest import Contest, Outcome
from riverrun_trainer.retraining.history_feed import HistoryFeed
from riverrun_trainer.retraining.history_part import HistoryPart

PUBLISH_EVERY_S = 30.0
"""Nobody reads the versions of a retrain: they say how far it is, should its process die."""

LOOK_EVERY_S = 0.5
"""How often the log is asked where it ends, and how far the retrain is is reported."""

TRY_AGAIN_S = 5.0
"""How long a retrain waits before it asks again to take over, where it may not now."""

log = structlog.get_logger()


class RetrainCourse:
    """Of one line, across the sessions of one process. The learning loop calls `step` at each turn."""

    def __init__(self, model: str, line: int, around: Surroundings, retrains: RetrainClient) -> None:
        self._model = model
        self._line = line
        self._retrains = retrains
        self._log = around.event_log
        self._stop = around.stop
        self._clock = around.clock
        self._champion = Champion(model, around.client, around.factories, around.max_model_bytes)
        self._contest: Contest | None = None
        self._caught_up = 1
        self._history: Positions | None = None
        self._ends: Positions | None = None
        self._behind: int | None = None
        self._examples = 0
        self._problem = ""
        self._try_again_s = 0.0
        self.is_over = False
        """Whether the parameter server knows how it ended, be it before its catalogue says so here."""
        self._part: HistoryPart | None = None
        self._files: HistoryFeed | None = None

    def begin(self, spec: ModelSpec, units: Mapping[int, Unit], judges: Judges) -> Judges:
        """A session begins, with a learner as its head, whose parts are `units`, has it: `judges`, and who
        compares it with live. What was compared in a session before counts no more.
        """
        self._caught_up = spec.retrain.caught_up
        self._contest = Contest(spec, self._champion)
        self._history = self._ends = self._behind = None
        self._part, self._files = HistoryPart(units), None
        parts = {**judges.parts, Part.HISTORY: self._part}
        return replace(judges, scorers=(*judges.scorers, self._contest), parts=parts)

    def feed(self, spec: ModelSpec, then: Feed, wake: Callable[[], None]) -> Feed:
        """What the session learns from: the files of its history, then what `then` gives."""
        if not spec.retrain.history.files:
            return then
        assert self._part is not None
        self._files = HistoryFeed(spec, self._part, then, wake, self._tell)
        return self._files

    def publish(self, spec: PublishSpec) -> PublishSpec:
        """When to publish, in place of what `spec` says for a line that is read."""
        return PublishSpec.model_construct(
            **{**PublishSpec().model_dump(), "every": PUBLISH_EVERY_S, "precision": spec.precision}
        )

    def tasks(self, epoch: int) -> Iterable[Coroutine[Any, Any, None]]:
        """What runs beside the loop for as long as the session of `epoch` does."""
        return [self._champion.follow(), self._look(epoch)]

    @property
    def keeps_letters(self) -> bool:
        """Whether events that cannot be learned are set aside: those of history were, when they were new."""
        return self._contest is not None and self._contest.is_open

    def step(self, learning: Learning) -> bool:
        """Take note of how far the loop has come; whether it is to publish and `conclude` now."""
        contest = self._contest
        assert contest is not None
        taken = taken_by(learning)
        self._examples = learning.progress.examples
        if self._ends is not None:
            self._behind = distance(taken, self._ends)
        if not contest.is_open:
            if self._behind is None or self._behind > self._caught_up or not self._is_past_history(taken):
                return False
            contest.is_open = True
            log.info("the retrain has caught up", model=self._model, line=self._line, behind=self._behind)
        self._champion.reached(taken)
        if self._clock.monotonic() < self._try_again_s:
            return False
        return contest.outcome is not Outcome.OPEN or bool(self._other_spec())

    async def conclude(self, epoch: int) -> None:
        """Let the line take over, or give it up; then asks the process to stop.

        Where it cannot take over now, because live is held, it is asked again later. Raises `Fenced`.
        """
        contest = self._contest
        assert contest is not None
        outcome = self._other_spec() or contest.describe()
        take_over = not self._other_spec() and contest.outcome is Outcome.BETTER
        reach("retrain.before-finish")
        try:
            await self._retrains.finish(self._model, self._line, epoch, take_over=take_over, outcome=outcome)
        except (NotReady, Unavailable, InvalidInput) as error:
            # InvalidInput: live came to follow another spec, which the next look shows.
            self._problem = str(error)
            self._try_again_s = self._clock.monotonic() + TRY_AGAIN_S
            log.info("the retrain cannot end yet", model=self._model, line=self._line, reason=str(error))
            return
        reach("retrain.after-finish")
        self.is_over = True
        log.info(
            "the retrain is over",
            model=self._model,
            line=self._line,
            took_over=take_over,
            outcome=outcome,
        )
        self._stop.ask()

    def progress(self) -> RetrainProgress:
        """How far it is."""
        contest = self._contest
        phase, compared = RetrainPhase.HISTORY, 0
        if contest is not None and contest.is_open:
            phase, compared = RetrainPhase.COMPARING, contest.comparison.count
            if contest.outcome is Outcome.BETTER:
                phase = RetrainPhase.TAKING_OVER
        if contest is None or not compared:
            return RetrainProgress(phase, self._examples, self._behind or 0, problem=self._problem)
        interval = contest.comparison.interval
        return RetrainProgress(
            phase,
            self._examples,
            self._behind or 0,
            compared,
            contest.comparison.excess_loss,
            interval.low,
            interval.high,
            self._problem,
        )

    async def _look(self, epoch: int) -> None:
        while True:
            with contextlib.suppress(Unavailable):
                self._ends = (await self._log.moment(self._model)).ends
                self._history = self._history or self._ends
                await self._retrains.report(self._model, self._line, epoch, self.progress())
            await asyncio.sleep(LOOK_EVERY_S)

    def _tell(self, problem: str) -> None:
        self._problem = problem

    def _is_past_history(self, taken: Positions) -> bool:
        """Whether all was learned that was there when the session began: a model that has still to learn what
        live knows would be judged too soon."""
        if self._files is not None and not self._files.is_done:
            return False
        return self._history is not None and not distance(taken, self._history)

    def _other_spec(self) -> str:
        """In words that live follows a line of another spec; empty where it does not, or is held."""
        info = self._champion.info
        live = None if info is None else info.channel(LIVE)
        if info is None or live is None or live.follows is None:
            return ""
        digests = {line.number: line.spec_digest for line in info.lines}
        if digests.get(live.follows) == digests.get(self._line):
            return ""
        return f"live came to follow line {live.follows}, which is of another spec"


def taken_by(learning: Learning) -> Positions:
    """The first event of each stream that was not taken."""
    if learning.joining is None:
        return {Stream.EXAMPLES: learning.offsets}
    ledger = learning.joining.ledger
    joined = {stream: ledger.positions(stream) for stream in (Stream.LABELS, Stream.PREDICTIONS)}
    return {Stream.EXAMPLES: learning.offsets, **joined}


def distance(taken: Positions, ends: Positions) -> int:
    """Events between `taken` and `ends`, in the streams that are taken."""
    return sum(
        max(0, end - offsets.get(partition, 0))
        for stream, offsets in taken.items()
        for partition, end in ends.get(stream, {}).items()
    )
