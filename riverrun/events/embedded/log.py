"""The embedded event log: one SQLite file, one thread, and the newest events in memory."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from riverrun.core.errors import Exhausted, NotFound
from riverrun.core.events import Appended, LoggedEvent, LogMoment, NewEvent, Offsets, Stream
from riverrun.events.embedded import event_rows, proof
from riverrun.events.embedded.append_transaction import StreamAppend, Written, write_appends
from riverrun.events.embedded.group_commit import GroupCommit
from riverrun.events.embedded.history import FOLDER, History
from riverrun.events.embedded.history_reader import HistoryReader
from riverrun.events.embedded.intake import Entry, entry, refusal
from riverrun.events.embedded.log_clock import LogClock
from riverrun.events.embedded.log_disk import LogDisk
from riverrun.events.embedded.open_streams import OpenStream, OpenStreams
from riverrun.events.embedded.retention import Retention
from riverrun.runtime import metrics
from riverrun.runtime.clock import Clock, SystemClock
from riverrun.runtime.failpoints import reach

DEFAULT_HORIZON_S = 86_400.0
MAX_WAITING_BYTES = 64 << 20
BATCH_BYTES = 2 << 20


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
    damage: `disk.failed` raises it, the call that met it and all later ones raise `Unavailable` (or what is
    damaged, as `DigestMismatch`), and the process should end.

    `retention` lets events go, for whoever knows which may.
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
        self.streams = OpenStreams(self.proven.streams)
        self.disk = LogDisk(self._database, self.streams.wake)
        # Public: a backup holds its files, and what a crash left there is swept once the log is known to be
        # the right one. A new log in the place of a lost one must not take the lost one's history with it.
        self.history = History(path.with_name(FOLDER), self.proven.streams, self.proven.files)
        try:
            self.history.check()
        except BaseException:
            self._database.close()
            raise
        self.retention = Retention(self.streams, self.disk, self.history, self._own_clock, horizon_s)
        self.rest_proven = asyncio.Event()
        self.make_room: Callable[[], Awaitable[bool]] | None = None
        # When what is not committed yet was received, oldest first; and the newest of all such times.
        self._receiving: dict[int, int] = {}
        self._received_ns = 0
        self._appends = 0

    async def append(self, model: str, stream: Stream, events: Sequence[NewEvent]) -> list[Appended]:
        """See `EventLog.append`."""
        self.disk.check_running()
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
            append = _Append(self.streams.opened(model, stream), entries, forget_ns, self._appends)
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
        opened = self.streams.opened(model, stream)
        past = HistoryReader(self.history, opened.id)
        position = start.get(0, self._oldest(opened))
        while True:
            self.disk.check_running()
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
                events = await self.disk.guarded(past.read(position, limit, BATCH_BYTES))
            if not events:  # trimmed meanwhile; the check above says so
                continue
            position = events[-1].offset + 1
            yield events

    async def trim(self, model: str, stream: Stream, before: Offsets) -> None:
        """See `EventLog.trim`."""
        await self.retention.trim(model, stream, before.get(0, 0))

    async def end(self, model: str, stream: Stream) -> Offsets:
        """See `EventLog.end`."""
        return {0: self.streams.opened(model, stream).tail.end}

    async def moment(self, model: str) -> LogMoment:
        """See `EventLog.moment`."""
        self.disk.check_running()
        now_ns = self._received_ns = max(self._clock.wall_ns(), self._received_ns)
        ends = {Stream(stream.name): {0: stream.tail.end} for stream in self.streams.of(model)}
        return LogMoment(next(iter(self._receiving.values()), now_ns), ends)

    async def copy_to(self, path: Path) -> None:
        """Write what the log holds to the file `path`, appends going on meanwhile. Not synced."""
        self.disk.check_running()
        await self.disk.guarded(asyncio.to_thread(self._database.copy_to, path))

    async def prove_rest(self) -> None:
        """Prove, little by little, what the start left unproven of a large log; a root task, never returns.

        `rest_proven` is set once all is. Damage is final, as an I/O error is.
        """
        await proof.prove_rest(self.proven, self.history, self.disk)
        self.rest_proven.set()
        await asyncio.Event().wait()

    def stop(self) -> None:
        """End all reads and refuse new calls with `Unavailable`; what was accepted is still committed."""
        self.disk.stop()
        self.streams.wake()

    async def close(self) -> None:
        """Stop, commit what waits, and close the file; repeating it changes nothing."""
        self.stop()
        await self._commits.drained()
        await asyncio.to_thread(self._database.close)

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
            written = await self.disk.guarded(self._database.commit(write))
        except Exhausted:
            if self.make_room is None or not await self.make_room():
                raise
            written = await self.disk.guarded(self._database.commit(write))
        for stream in {append.stream.id: append.stream for append in appends}.values():
            if written.gained[stream.id]:
                stream.tail.extend(written.gained[stream.id])
        reach("events.after-publish")
        return written.answers

    async def _read_disk(self, stream: OpenStream, start: int, limit: int) -> Sequence[LoggedEvent]:
        end = min(start + limit, stream.tail.end)
        return await self.disk.run(lambda c: event_rows.read(c, stream.id, start, end, BATCH_BYTES))

    @staticmethod
    def _count(stream: Stream, answers: Sequence[Appended]) -> None:
        duplicates = sum(answer.duplicate for answer in answers)
        appended = sum(not answer.duplicate and not answer.refused for answer in answers)
        if appended:
            metrics.APPENDED.labels(stream.value).inc(appended)
        if duplicates:
            metrics.DUPLICATES.labels(stream.value).inc(duplicates)
