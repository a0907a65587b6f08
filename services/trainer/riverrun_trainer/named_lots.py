"""The lot that is learned next; the parameter server is told of it first, where it must be (DECISIONS 25)."""

from __future__ import annotations

from riverrun.core.events import OffsetRange, Offsets
from riverrun.rpc.trainer_session import TrainerSession
from riverrun_trainer.caution import Caution, JoinCaution
from riverrun_trainer.diverged import Diverged
from riverrun_trainer.learning import Learning
from riverrun_trainer.line_context import SOURCE, LineMemory, Surroundings
from riverrun_trainer.session_pulse import SessionPulse
from riverrun_trainer.where import Where

NO_CAUTION = Caution(SOURCE, 0, 0, unclean_end=False, suspects=())


class NamedLots:
    """Of one session. A lot is published before the next is named, so that a death is at the one named."""

    def __init__(
        self,
        session: TrainerSession,
        model: str,
        memory: LineMemory,
        around: Surroundings,
        pulse: SessionPulse,
    ) -> None:
        self._session = session
        self._pulse = pulse
        self._model = model
        self._memory = memory
        self._event_log = around.event_log
        self._caution: Caution | JoinCaution = NO_CAUTION
        self._lot: OffsetRange | None = None

    async def begin(self, learning: Learning) -> None:
        """Be as careful as the ends of the sessions before ask for; called once, before anything is named."""
        self._caution = await self._pulse.working(self._cautious(learning))
        # What this process saw of an event says more than that trainers ended at it.
        self._memory.poisoned = {**self._caution.poisoned, **self._memory.poisoned}

    @property
    def are_named(self) -> bool:
        """Whether what is learned next must be named."""
        return self._lot is not None

    def hold(self, where: Where | None) -> bool:
        """Whether the example there belongs to the lot that was named last."""
        lot = self._lot
        return (
            lot is not None
            and where is not None
            and where[0] is lot.stream
            and lot.start <= where[1] < lot.end
        )

    def left(self, where: Where | None) -> int:
        """How many examples of the lot there are from the one there on."""
        return 1 if self._lot is None or where is None else self._lot.end - where[1]

    async def name(self, learning: Learning, where: Where | None) -> None:
        """Tell the server that the example there is learned next, where it must know and does not yet."""
        if not self._caution.is_needed:
            self._lot = None
            return
        if where is None or self.hold(where):
            return
        self._lot = lot = self._caution.lot(where)
        if lot is None or where in self._memory.poisoned:
            return
        if lot.end - lot.start > 1 or learning.batch.lacks_one:
            await self._pulse.working(self._session.attempt(lot))

    def blame(self, diverged: Diverged) -> None:
        """Learn the example never again, where it was learned alone and so is to blame."""
        if self._lot is not None and self._lot.end - self._lot.start == 1:
            self._memory.poisoned[diverged.where] = f"{diverged.reason} after learning it"

    async def _cautious(self, learning: Learning) -> Caution | JoinCaution:
        opened = self._session.opened
        if learning.joining is not None:
            return JoinCaution(unclean_end=opened.unclean_end, suspects=opened.suspects)
        end: Offsets = {}
        if opened.unclean_end:
            end = await self._event_log.end(self._model, SOURCE)
        return Caution(
            SOURCE,
            sum(learning.offsets.values()),
            sum(end.values()),
            unclean_end=opened.unclean_end,
            suspects=opened.suspects,
        )
