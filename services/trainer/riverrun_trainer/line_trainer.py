"""The trainer of one line, across its sessions: opens one, learns, and opens the next when it ended."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterator

import structlog

from riverrun.core.errors import Fenced, NotFound, RiverrunError
from riverrun.rpc.trainer_session import TrainerSession, open_session
from riverrun_trainer.diverged import Diverged
from riverrun_trainer.line_context import LineMemory, Surroundings
from riverrun_trainer.session_loop import SessionLoop

MIN_BACKOFF_S = 0.1
MAX_BACKOFF_S = 5.0
HEALTHY_S = 10.0
"""A session that lasted this long ends the backing off."""

log = structlog.get_logger()


class LineTrainer:
    """Trains `line` of `model` for as long as the line is open; a standby while another trainer does."""

    def __init__(self, model: str, line: int, around: Surroundings) -> None:
        self._model = model
        self._line = line
        self._around = around
        self._memory = LineMemory()
        self._loop: SessionLoop | None = None
        self._log = log.bind(model=model, line=line)

    @property
    def in_session(self) -> bool:
        """Whether it learns, rather than waiting for its turn."""
        return self._loop is not None

    @property
    def ticked_s(self) -> float | None:
        """When its learning loop last moved, on the monotonic clock; None while it waits for its turn."""
        return None if self._loop is None else self._loop.ticked_s

    async def run(self) -> None:
        """Return once stopping was asked for and the last version is published, or the line is closed."""
        backoff_s = MIN_BACKOFF_S
        while not self._around.stop.asked:
            opened_s = self._around.clock.monotonic()
            try:
                async with open_session(
                    self._around.client,
                    self._model,
                    self._line,
                    self._around.trainer_id,
                    self._memory.ended_epoch,
                ) as session:
                    opened_s = self._around.clock.monotonic()
                    self._memory.ended_epoch = 0
                    with self._surviving(session.opened.epoch):
                        await self._learn(session)
                continue
            except Fenced as fenced:
                if fenced.line is not None and fenced.line != self._line:
                    self._log.info("the line is closed", goes_on_in=fenced.line)
                    return
                self._log.info("another trainer took over", epoch=fenced.current)
            except NotFound as error:
                self._log.info("the line is gone", reason=str(error))
                return
            except Diverged as diverged:
                self._log.warning("the model left the finite numbers", reason=str(diverged))
                continue
            except RiverrunError as error:
                self._log.info("the session ended", reason=str(error))
            except Exception:  # one model's fault must not stop the others
                self._log.exception("learning failed")
            if self._around.clock.monotonic() - opened_s > HEALTHY_S:
                backoff_s = MIN_BACKOFF_S
            await asyncio.sleep(backoff_s * random.uniform(0.5, 1.5))
            backoff_s = min(2 * backoff_s, MAX_BACKOFF_S)

    @contextlib.contextmanager
    def _surviving(self, epoch: int) -> Iterator[None]:
        """Remember that the session of this epoch ended by no fault of an event, where that is so."""
        try:
            yield
        except RiverrunError:
            # The link, the server or another trainer; what a model raises comes as something else.
            self._memory.ended_epoch = epoch
            raise
        self._memory.ended_epoch = epoch

    async def _learn(self, session: TrainerSession) -> None:
        opened = session.opened
        head = opened.head
        self._log.info(
            "the session is open",
            epoch=opened.epoch,
            head=head.version if head else 0,
            unclean_end=opened.unclean_end,
            suspects=len(opened.suspects),
        )
        self._loop = SessionLoop(session, self._model, self._line, self._memory, self._around)
        try:
            await self._loop.run()
        finally:
            self._loop = None
