"""The embedded event log: one SQLite file, one thread, and the newest events in memory."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from riverrun.core.errors import DigestMismatch, Exhausted, NotFound, Unavailable
from riverrun.core.events import Appended, LoggedEvent, LogMoment, NewEvent, Offsets, Stream
from riverrun.events.embedded import event_rows, id_rows, proof
from riverrun.events.embedded.append_transaction import StreamAppend, Written, write_appends
from riverrun.events.embedded.archiver import Archiver
from riverrun.events.embedded.group_commit import GroupCommit
from riverrun.events.embedded.history import FOLDER, History
from riverrun.events.embedded.history_reader import HistoryReader
from riverrun.events.embedded.intake import Entry, entry, refusal
from riverrun.events.embedded.log_clock import LogClock
from riverrun.events.embedded.open_stream import OpenStream
from riverrun.events.embedded.tail import Tail
from riverrun.runtime import metrics
from riverrun.runtime.clock import Clock, SystemClock
from riverrun.runtime.failpoints import reach
from riverrun.runtime.sqlite.database_file import give_back
from riverrun.runtime.sqlite.error_codes import disk_is_full

DEFAULT_HORIZON_S = 86_400.0
MAX_WAITING_BYTES = 64 << 20
BATCH_BYTES = 2 << 20

FULL_STEPS = (2_000, 200, 20)
"""Events that go in one transaction when the disk is full, as many as it has room for."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Append:
    stream: OpenStream
    entries: Sequence[Entry]
    forget_ns: int
    turn: int


class EmbeddedEventLog:
    """An `EventLog` in one file of this process; partition 0 is the only one.

    `found` and `proven` say what the file was when it was opened. `make_room` is asked, once for each
    commit, when the disk is full; where it made some the commit is tried again.

    The file is locked: a second log over it cannot be opened. An I/O error of the disk is final, and so is
    damage: `disk_failed` raises it, the call that met it and all later ones raise `Unavailable` (or what is
    damaged, as `DigestMismatch`), and the process should end.
    """

    def __init__(
        self,
        path: Path,
        *,
        horizon_s: Callable[[str], float] = lambda model: DEFAULT_HORIZON_S,
        clock: Clock | None = None,
    ) -> None:
        """Open or create the log at `path`; blocks. `horizon_s` says how long a model's ids are remembered,
        in time that the log is open (see `LogClock`).

        Raises `WrongFormat`, `DigestMismatch` naming what is damaged, sqlite3.OperationalError for a file
        that is in use.
        """
        self._database, self.found, self.proven = proof.opened(path)
        self._horizon_s = horizon_s
        self._clock = clock or SystemClock()
        # What older versions wrote as the time of an id is the wall clock's; a new log begins there too.
        self._own_clock = LogClock(self._clock, self.proven.newest_id_ns or self._clock.wall_ns())
        self._commits = GroupCommit(self._commit, max_waiting_bytes=MAX_WAITING_BYTES)
        self._streams = {
            (row.model, row.name): OpenStream(
                row.id, row.model, row.name, row.first_offset, Tail(row.next_offset)
            )
            for row in self.proven.streams
        }
        # Public: a backup holds its files, and what a crash left there is swept once the log is known to be
        # the right one. A new log in the place of a lost one must not take the lost one's history with it.
        self.history = History(path.with_name(FOLDER), self.proven.streams, self.proven.files)
        self._archiver = Archiver(self.history, self._run, self._guarded)
        try:
            self.history.check()
        except BaseException:
            self._database.close()
            raise
        self._last_id = max((stream.id for stream in self._streams.values()), default=0)
        self._dropping = asyncio.Lock()
        self.rest_proven = asyncio.Event()
        self.make_room: Callable[[], Awaitable[bool]] | None = None
        # When what is not committed yet was received, oldest first; and the newest of all such times.
        self._receiving: dict[int, int] = {}
        self._received_ns = 0
        self._appends = 0
        self._stopped = ""
        self._failure: BaseException | None = None
        self._failed = asyncio.Event()

    async def append(self, model: str, stream: Stream, events: Sequence[NewEvent]) -> list[Appended]:
        """See `EventLog.append`."""
        self._check_running()
        started = self._clock.monotonic()
        received_ns = self._received_ns = max(self._clock.wall_ns(), self._received_ns)
        answers = [refusal(event, received_ns) for event in events]
        own_ns = self._own_clock.now_ns()
        entries = [
            entry(model, stream, event, received_ns, own_ns)
            for event, refused in zip(events, answers, strict=True)
            if refused is None
        ]
        written: Sequence[Appended] = ()
        if entries:
            forget_ns = own_ns - int(self._horizon_s(model) * 1e9)
            size = sum(len(entry.body) for entry in entries)
            self._appends += 1
            append = _Append(self._opened(model, stream), entries, forget_ns, self._appends)
            written = await self._submit(append, size, received_ns)
        rest = iter(written)
        result = [refused if refused is not None else next(rest) for refused in answers]
        self._count(stream, result)
        metrics.APPEND_SECONDS.observe(self._clock.monotonic() - started)
        reach("events.before-ack")
        return result

    async def read(
        self, model: str, stream: Stream, start: Offsets, *, follow: bool, limit: int = 512
    ) -> AsyncGenerator[Sequence[LoggedEvent], None]:
        """See `EventLog.read`."""
        opened = self._opened(model, stream)
        past = HistoryReader(self.history, opened.id)
        position = start.get(0, self._oldest(opened))
        while True:
            self._check_running()
            tail, oldest = opened.tail, self._oldest(opened)
            if not oldest <= position <= tail.end:
                kept = f"{oldest} to {tail.end}"
                raise NotFound("offset", f"{position} of {model} {stream.value}", kept)
            if position == tail.end:
                if not follow:
                    return
                await tail.grown()
                continue
            if position >= tail.start:
                events = tail.read(position, limit, BATCH_BYTES)
            elif position >= opened.first_offset:
                events = await self._read_disk(opened, position, limit)
            else:
                events = await self._guarded(past.read(position, limit, BATCH_BYTES))
            if not events:  # trimmed meanwhile; the check above says so
                continue
            position = events[-1].offset + 1
            yield events

    async def trim(self, model: str, stream: Stream, before: Offsets) -> None:
        """See `EventLog.trim`."""
        await self._drop(model, stream, before.get(0, 0), None)

    async def end(self, model: str, stream: Stream) -> Offsets:
        """See `EventLog.end`."""
        return {0: self._opened(model, stream).tail.end}

    async def moment(self, model: str) -> LogMoment:
        """See `EventLog.moment`."""
        self._check_running()
        now_ns = self._received_ns = max(self._clock.wall_ns(), self._received_ns)
        ends = {Stream(name): {0: s.tail.end} for (of, name), s in self._streams.items() if of == model}
        return LogMoment(next(iter(self._receiving.values()), now_ns), ends)

    async def expire(self, model: str, stream: Stream, *, below: int, received_before_ns: int) -> None:
        """Let go of events below the offset `below` that were received before `received_before_ns`.

        Of history files only whole ones go, oldest first, and others after all of them. Also forgets ids that
        are older than the model's horizon. Repeating it changes nothing.
        """
        async with self._dropping:
            opened = self._opened(model, stream)
            await self._archiver.drop(opened.id, below, received_before_ns)
        if not self.history.of(opened.id):
            await self._drop(model, stream, below, received_before_ns)
        await self._forget_ids(opened)

    async def archive(self, model: str, stream: Stream, *, below: int, received_before_ns: int) -> int:
        """Move events below the offset `below` that were received before `received_before_ns` into history
        files, where they are read from as before; how many moved.

        Those that would fill less than a file wait for others, some hours at most. Raises `Exhausted` where
        the disk has no room for a file; then all stay where they are.
        """
        opened = self._opened(model, stream)

        def moved(end: int) -> None:
            opened.first_offset = end

        total = 0
        while True:
            self._check_running()
            async with self._dropping:
                count = await self._archiver.move(opened.row(), below, received_before_ns, moved)
            if not count:
                return total
            metrics.ARCHIVED.labels(stream.value).inc(count)
            total += count

    @contextlib.asynccontextmanager
    async def holding(self) -> AsyncGenerator[None, None]:
        """No event goes while the block runs; `trim` and `expire` wait for its end."""
        async with self._dropping:
            yield

    async def copy_to(self, path: Path) -> None:
        """Write what the log holds to the file `path`, appends going on meanwhile. Not synced."""
        self._check_running()
        await self._guarded(asyncio.to_thread(self._database.copy_to, path))

    async def let_go(self, model: str, stream: Stream, below: int) -> int:
        """Let go of some of the oldest events below the offset `below`, for want of room; how many.

        Their room goes back to the disk. None go while `holding`. Raises `Exhausted` where the disk has no
        room even for that.
        """
        opened = self._opened(model, stream)
        first = opened.first_offset
        if self._dropping.locked() or self._oldest(opened) >= below:
            return 0
        async with self._dropping:
            dropped = await self._archiver.drop_oldest(opened.id, below)
        if dropped or self.history.of(opened.id):
            return dropped
        for rows in FULL_STEPS:
            # A transaction keeps what it changes in its journal first: fewer rows need less of one.
            with contextlib.suppress(Exhausted):
                await self._drop_step(opened, below, None, rows)
                await self._run(give_back)
                return opened.first_offset - first
        raise Exhausted("the event log", "what its disk holds")

    async def keep_newest(self, model: str, stream: Stream, count: int) -> int:
        """Let go of all but the newest `count` events of a stream; how many went. Their ids stay known."""
        opened = self._opened(model, stream)
        first = opened.first_offset
        await self._drop(model, stream, opened.tail.end - count, None)
        return opened.first_offset - first

    def streams(self) -> list[tuple[str, Stream]]:
        """The (model, stream) pairs that this log holds."""
        return [(model, Stream(name)) for model, name in self._streams]

    async def disk_failed(self) -> None:
        """Wait until the disk fails, and raise what it failed with; a root task of the process."""
        await self._failed.wait()
        assert self._failure is not None
        raise self._failure

    async def prove_rest(self) -> None:
        """Prove, little by little, what the start left unproven of a large log; a root task, never returns.

        `rest_proven` is set once all is.

        Damage is final, as an I/O error is.
        """
        await proof.prove_rest(self.proven, self.history, self._run, self._guarded)
        self.rest_proven.set()
        await asyncio.Event().wait()

    def stop(self) -> None:
        """End all reads and refuse new calls with `Unavailable`; what was accepted is still committed."""
        self._stopped = self._stopped or "it is stopping"
        for stream in self._streams.values():
            stream.tail.wake()

    async def close(self) -> None:
        """Stop, commit what waits, and close the file; repeating it changes nothing."""
        self.stop()
        await self._commits.drained()
        await asyncio.to_thread(self._database.close)

    def _opened(self, model: str, stream: Stream) -> OpenStream:
        found = self._streams.get((model, stream.value))
        if found is None:
            self._last_id += 1
            found = OpenStream(self._last_id, model, stream.value, 0, Tail(0))
            self._streams[(model, stream.value)] = found
        return found

    async def _forget_ids(self, opened: OpenStream) -> None:
        forget_ns = self._own_clock.now_ns() - int(self._horizon_s(opened.model) * 1e9)
        while await self._run(lambda c: id_rows.forget(c, opened.id, forget_ns, event_rows.ROWS_PER_STEP)):
            pass

    def _oldest(self, opened: OpenStream) -> int:
        """The offset of the oldest event that can be read."""
        return self.history.first(opened.id, opened.first_offset)

    async def _submit(self, append: _Append, size: int, received_ns: int) -> Sequence[Appended]:
        self._receiving[append.turn] = received_ns
        try:
            return await self._commits.submit(append, size)
        except Exhausted:
            # Where the queue is full it never came to a commit.
            self._receiving.pop(append.turn, None)
            raise

    async def _commit(self, appends: Sequence[_Append]) -> Sequence[list[Appended]]:
        try:
            return await self._commit_all(appends)
        finally:
            for append in appends:
                self._receiving.pop(append.turn, None)

    async def _commit_all(self, appends: Sequence[_Append]) -> Sequence[list[Appended]]:
        batch = [StreamAppend(a.stream.row(), a.entries, a.forget_ns) for a in appends]

        def write(connection: sqlite3.Connection) -> Written:
            return write_appends(connection, batch)

        try:
            written = await self._guarded(self._database.commit(write))
        except Exhausted:
            if self.make_room is None or not await self.make_room():
                raise
            written = await self._guarded(self._database.commit(write))
        for stream in {append.stream.id: append.stream for append in appends}.values():
            if written.gained[stream.id]:
                stream.tail.extend(written.gained[stream.id])
        reach("events.after-publish")
        return written.answers

    async def _read_disk(self, stream: OpenStream, start: int, limit: int) -> Sequence[LoggedEvent]:
        end = min(start + limit, stream.tail.end)
        return await self._run(lambda c: event_rows.read(c, stream.id, start, end, BATCH_BYTES))

    async def _drop(self, model: str, stream: Stream, before: int, received_before_ns: int | None) -> None:
        opened = self._opened(model, stream)
        before = min(before, opened.tail.end)
        if received_before_ns is None:
            async with self._dropping:
                await self._archiver.trim(opened.id, before)
        while opened.first_offset < before:
            if not await self._drop_step(opened, before, received_before_ns, event_rows.ROWS_PER_STEP):
                return

    async def _drop_step(
        self, opened: OpenStream, before: int, received_before_ns: int | None, rows: int
    ) -> bool:
        """Let go of at most `rows` events; whether any went."""
        self._check_running()
        async with self._dropping:
            left = await self._run(lambda c: event_rows.drop(c, opened.id, before, received_before_ns, rows))
            if left <= opened.first_offset:
                return False
            opened.first_offset = left
            return True

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._guarded(self._database.run(work))

    async def _guarded(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except (sqlite3.Error, OSError, DigestMismatch) as error:
            if disk_is_full(error):
                raise Exhausted("the event log", "what its disk holds") from error
            # What the file holds now is unknown, and a second fsync would not tell (fsync reports an
            # error once): only a restart reads it afresh.
            self._fail(error)
            if isinstance(error, DigestMismatch):
                raise
            raise Unavailable("the event log", self._stopped) from error

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self._failed.set()
        self._stopped = "its disk failed"
        self.stop()

    def _check_running(self) -> None:
        if self._stopped:
            raise Unavailable("the event log", self._stopped)

    @staticmethod
    def _count(stream: Stream, answers: Sequence[Appended]) -> None:
        duplicates = sum(answer.duplicate for answer in answers)
        appended = sum(not answer.duplicate and not answer.refused for answer in answers)
        if appended:
            metrics.APPENDED.labels(stream.value).inc(appended)
        if duplicates:
            metrics.DUPLICATES.labels(stream.value).inc(duplicates)
