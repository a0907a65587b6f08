"""Trainers' sessions: one for each line, in an epoch of its own, with standbys waiting behind it.

A session lives as long as its stream and the progress it reports. Clocks decide only when a standby may
try; who may push is decided by the epoch, which is durable before the session hears of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import structlog

from riverrun.core.errors import Fenced, NotFound, RiverrunError, Unavailable
from riverrun.core.events import OffsetRange
from riverrun.runtime.clock import Clock
from riverrun_param_server import suspicion
from riverrun_param_server.catalogue import Catalogue, Model
from riverrun_param_server.completion import Completion
from riverrun_param_server.lineage import newest_good
from riverrun_param_server.records import LineRecord
from riverrun_param_server.resets import positions_of
from riverrun_param_server.session import LineKey, Opening, Session
from riverrun_param_server.standbys import Standbys
from riverrun_param_server.store import Change
from riverrun_param_server.watch_hub import WatchHub

log = structlog.get_logger()


class Sessions:
    """The sessions by line. A trainer that comes back under its own id takes over from itself at once."""

    def __init__(
        self, catalogue: Catalogue, hub: WatchHub, completion: Completion, clock: Clock, lease_s: float
    ) -> None:
        self._catalogue = catalogue
        self._hub = hub
        self._completion = completion
        self._clock = clock
        self._lease_s = lease_s
        self._present: dict[LineKey, Session] = {}
        self._standbys = Standbys()
        self._lapsed: set[LineKey] = set()
        self._ended = False

    async def open(
        self, model_name: str, line: int, trainer_id: str, ended_epoch: int = 0
    ) -> tuple[Session, Opening]:
        """A session on the line, once no other trainer holds it; waits for as long as one does.

        `ended_epoch` is that of the trainer's own session before, where no event ended it.
        The caller must `close` it. Raises `NotFound`, and `Fenced` for a closed line.
        """
        key = (model_name, line)
        session = Session(key, trainer_id)
        while True:
            self._check_open(model_name, line)
            present = self._present.get(key)
            if present is None:
                break
            if trainer_id and present.trainer_id == trainer_id:
                self._lose(present, "the same trainer opened another session")
                continue
            await self._standbys.wait(key)
        self._present[key] = session
        try:
            model = self._catalogue.get(model_name)
            opening = await self._completion.run(self._grant(model, line, ended_epoch))
        except BaseException:
            self.close(session)
            raise
        session.epoch = opening.epoch
        session.deadline = self._clock.monotonic() + self._lease_s
        self._report_problem(model, line, "")
        log.info(
            "a trainer's session opened", model=model_name, line=line, epoch=opening.epoch, trainer=trainer_id
        )
        if self._ended:
            session.end()
        return session, opening

    def progress(self, session: Session, problem: str) -> None:
        """The trainer's loop moves: its lease is renewed."""
        if self._present.get(session.key) is not session:
            return
        session.deadline = self._clock.monotonic() + self._lease_s
        model = self._catalogue.find(session.key[0])
        if model is not None:
            self._report_problem(model, session.key[1], problem)

    async def attempt(self, session: Session, range_: OffsetRange) -> None:
        """The trainer is about to learn `range_`; told to it once that is on disk."""
        await self._note(session, lambda line: suspicion.attempting(line, range_))

    async def say_goodbye(self, session: Session) -> None:
        """The trainer is about to end the session, no event being to blame; told to it once on disk."""
        await self._note(session, suspicion.ended_well)

    def holds(self, session: Session) -> bool:
        """Whether `session` is still the one that may push."""
        return self._present.get(session.key) is session

    def close(self, session: Session) -> None:
        """The trainer's stream ended; the next in line gets its turn. Repeating it changes nothing."""
        session.end()
        if self._present.get(session.key) is session:
            del self._present[session.key]
            self._standbys.wake_next(session.key)

    def lapse(self) -> None:
        """End every session whose lease ran out."""
        now = self._clock.monotonic()
        for session in [s for s in self._present.values() if s.deadline <= now]:
            # Whatever its trainer says later: it may have hung at an event.
            self._lapsed.add(session.key)
            self._lose(session, "no progress was reported within the lease")

    async def sweep(self) -> None:
        """`lapse`, for ever."""
        while True:
            await asyncio.sleep(min(self._lease_s / 10, 1.0))
            self.lapse()

    def specs_changed(self, model: Model, lines: tuple[int, ...]) -> None:
        """Tell the trainers of `lines` their newest policies."""
        for number in lines:
            session = self._present.get((model.name, number))
            if session is not None:
                session.tell_spec(model.specs[model.line(number).spec_sha])

    def line_closed(self, model: Model, number: int) -> None:
        """Fence the trainer of a closed line, and tell its standbys."""
        model.problems.pop(number, None)
        self._end_line(model, number, lambda session: fenced(model, model.line(number), session.epoch))

    def model_deleted(self, model: Model) -> None:
        """End the sessions of a model that is answered no more."""
        for line in model.record.lines:
            self._end_line(model, line.number, lambda _: NotFound("model", model.name))

    def end(self) -> None:
        """End every session: the server stops."""
        self._ended = True
        for session in list(self._present.values()):
            session.end()
        self._standbys.end(Unavailable("the parameter server", "it stops"))

    async def _grant(self, model: Model, number: int, ended_epoch: int) -> Opening:
        async with model.lock:
            line = model.line(number)
            self._check_open(model.name, number)
            survived = ended_epoch == line.epoch and (model.name, number) not in self._lapsed
            line, unclean_end = suspicion.opened(line, survived=survived)
            line = replace(line, epoch=line.epoch + 1)
            await self._catalogue.commit(model, Change(model.record.with_line(line)))
            self._lapsed.discard((model.name, number))
            head = model.manifests.get(line.head)
            return Opening(
                epoch=line.epoch,
                head=head,
                spec_yaml=model.specs[line.spec_sha],
                positions=positions_of(line, head),
                skipped=line.skipped,
                unclean_end=unclean_end,
                suspects=line.suspects,
                since_ns=line.since_ns,
                good_version=await newest_good(self._catalogue, model, line),
            )

    async def _note(self, session: Session, change: Callable[[LineRecord], LineRecord]) -> None:
        async def note() -> None:
            model = self._catalogue.get(session.key[0])
            async with model.lock:
                line = model.line(session.key[1])
                if self._present.get(session.key) is session and line.epoch == session.epoch:
                    await self._catalogue.commit(model, Change(model.record.with_line(change(line))))
                    session.tell_noted()

        await self._completion.run(note())

    def _end_line(self, model: Model, number: int, error: Callable[[Session], RiverrunError]) -> None:
        key = (model.name, number)
        session = self._present.get(key)
        if session is not None:
            session.end(error(session))
            self.close(session)
        # Each finds out for itself why there is nothing to wait for any more.
        self._standbys.wake_all(key)

    def _lose(self, session: Session, why: str) -> None:
        name, number = session.key
        log.warning("a trainer's session ended", model=name, line=number, epoch=session.epoch, why=why)
        session.end(Fenced(current=session.epoch + 1, given=session.epoch, line=number))
        self.close(session)

    def _check_open(self, model_name: str, number: int) -> None:
        model = self._catalogue.get(model_name)
        line = model.line(number)
        if line.closed:
            raise fenced(model, line, line.epoch)

    def _report_problem(self, model: Model, line: int, problem: str) -> None:
        if model.problems.get(line, "") != problem:
            model.problems[line] = problem
            self._hub.model_changed(model.name)


def fenced(model: Model, line: LineRecord, given: int) -> Fenced:
    """The error of who learns a line in an old epoch, or one that is closed; says where to go on."""
    goes_on = model.record.open_successor(line.number)
    return Fenced(current=line.epoch, given=given, line=goes_on.number if goes_on else None)
