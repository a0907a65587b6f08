"""Trainers' sessions: one for each line, in an epoch of its own, with standbys waiting behind it.

A session lives as long as its stream and the progress it reports. Clocks decide only when a standby may
try; who may push is decided by the epoch, which is durable before the session hears of it.
"""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

import structlog

from riverrun.core.errors import Fenced, NotFound, RiverrunError, Unavailable
from riverrun.core.events import OffsetRange, Positions, Suspect
from riverrun.core.versions import Manifest
from riverrun.rpc.weights import Pushed
from riverrun.runtime.clock import Clock
from riverrun_param_server import suspicion, version_rows
from riverrun_param_server.catalogue import Catalogue, Model
from riverrun_param_server.completion import Completion
from riverrun_param_server.records import LineRecord
from riverrun_param_server.resets import positions_of
from riverrun_param_server.store import Change
from riverrun_param_server.watch_hub import WatchHub

log = structlog.get_logger()

_Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Opening:
    """What a trainer starts from; see `OpenSessionResponse.Opened`."""

    epoch: int
    head: Manifest | None
    spec_yaml: str
    positions: Positions
    skipped: tuple[OffsetRange, ...]
    unclean_end: bool
    suspects: tuple[Suspect, ...]
    since_ns: int = 0
    good_version: int = 0


@dataclass(frozen=True, slots=True)
class Noted:
    """What a trainer said of its attempts is on disk."""


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """What became of a push that came over a session's stream; `answer` None: it was refused."""

    push_id: str
    answer: Pushed | None


News = str | Noted | PushOutcome
"""What a session tells its trainer: the newest policies as YAML, and answers."""


class Session:
    """One trainer's hold on one line; `news` tells it what it must know until it is over."""

    def __init__(self, key: _Key, trainer_id: str) -> None:
        self.key = key
        self.trainer_id = trainer_id
        self.epoch = 0
        self.deadline = float("inf")
        self._spec: str | None = None
        self._answers: deque[PushOutcome | Noted] = deque()
        self._error: RiverrunError | None = None
        self._over = False
        self._wake = asyncio.Event()

    def tell_spec(self, spec_yaml: str) -> None:
        """The line's policies changed; only the newest is told."""
        self._spec = spec_yaml
        self._wake.set()

    def tell_outcome(self, push_id: str, answer: Pushed | None) -> None:
        """A version that came over the session's stream is durable and announced, or was refused."""
        self._answers.append(PushOutcome(push_id, answer))
        self._wake.set()

    def tell_noted(self) -> None:
        """An attempt or a goodbye is on disk."""
        self._answers.append(Noted())
        self._wake.set()

    def end(self, error: RiverrunError | None = None) -> None:
        """The session is over, by `error` or because the server stops; the first reason counts."""
        if not self._over:
            self._over, self._error = True, error
            self._wake.set()

    async def news(self) -> AsyncIterator[News]:
        """Each newer spec, and answers in order. Ends, or raises, when the session is over."""
        while not self._over:
            if self._answers:
                yield self._answers.popleft()
                continue
            spec, self._spec = self._spec, None
            if spec is not None:
                yield spec
                continue
            self._wake.clear()
            await self._wake.wait()
        if self._error is not None:
            raise self._error


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
        self._present: dict[_Key, Session] = {}
        self._standbys: dict[_Key, deque[asyncio.Future[None]]] = {}
        self._lapsed: set[_Key] = set()
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
            await self._wait_for_turn(key)
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
            self._wake_standby(session.key)

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
        for standby in [s for waiting in self._standbys.values() for s in waiting if not s.done()]:
            standby.set_exception(Unavailable("the parameter server", "it stops"))

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
                good_version=await self._newest_good(model, line),
            )

    async def _newest_good(self, model: Model, line: LineRecord | None) -> int:
        """The newest good version that `line` goes on from, its own head included; 0 for none."""
        upto = 0 if line is None else line.head
        while line is not None and upto:
            find = functools.partial(
                version_rows.newest_good, model=model.record.id, line=line.number, upto=upto
            )
            good = await self._catalogue.store.run(find)
            if good or not line.parent:
                return good
            upto = line.parent
            line = model.record.line((await self._catalogue.manifest(model, upto)).line)
        return 0

    async def _note(self, session: Session, change: Callable[[LineRecord], LineRecord]) -> None:
        async def note() -> None:
            model = self._catalogue.get(session.key[0])
            async with model.lock:
                line = model.line(session.key[1])
                if self._present.get(session.key) is session and line.epoch == session.epoch:
                    await self._catalogue.commit(model, Change(model.record.with_line(change(line))))
                    session.tell_noted()

        await self._completion.run(note())

    async def _wait_for_turn(self, key: _Key) -> None:
        waiting = self._standbys.setdefault(key, deque())
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # The turn came and will not be taken.
                self._wake_standby(key)
            raise
        finally:
            waiting.remove(turn)

    def _wake_standby(self, key: _Key) -> None:
        for standby in self._standbys.get(key, ()):
            if not standby.done():
                standby.set_result(None)
                return

    def _end_line(self, model: Model, number: int, error: Callable[[Session], RiverrunError]) -> None:
        key = (model.name, number)
        session = self._present.get(key)
        if session is not None:
            session.end(error(session))
            self.close(session)
        for standby in self._standbys.get(key, ()):
            # Each finds out for itself why there is nothing to wait for any more.
            if not standby.done():
                standby.set_result(None)

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
