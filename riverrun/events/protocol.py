"""What an event log is to the rest of riverrun."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from riverrun.core.events import Appended, LoggedEvent, LogMoment, NewEvent, Offsets, Stream


class Appends(Protocol):
    """The writing half of an event log."""

    async def append(self, model: str, stream: Stream, events: Sequence[NewEvent]) -> list[Appended]:
        """Append `events` in order; returns once all are on disk.

        Each event is judged on its own. An `event_id` that the stream holds within the log's horizon is
        a duplicate and not appended again. Refused are: the same id with another `fingerprint`, a time
        more than 5 minutes ahead of the log's clock, a body over 1 MiB, an id over 1024 characters.
        Raises `Exhausted` (disk full) and `Unavailable`. May be repeated: with event ids a retry appends
        nothing twice.
        """


class EventLog(Appends, Protocol):
    """Durable, ordered streams of events per model. Offsets count from 0 in each partition."""

    def read(
        self, model: str, stream: Stream, start: Offsets, *, follow: bool, limit: int = 512
    ) -> AsyncGenerator[Sequence[LoggedEvent], None]:
        """Batches of at most `limit` events from `start` on, oldest first, without gaps.

        A partition that `start` does not name is read from the oldest event kept. Ends at the newest
        event, or waits for more with `follow`. Raises `NotFound` (kind "offset") when `start` lies before
        what the log still keeps or past its end, `Unavailable` when the log went away. Close the iterator
        (`contextlib.aclosing`) when leaving early.
        """

    async def trim(self, model: str, stream: Stream, before: Offsets) -> None:
        """Let go of events below `before`; repeating it changes nothing."""

    async def end(self, model: str, stream: Stream) -> Offsets:
        """The offset that each partition's next event will get."""

    async def moment(self, model: str) -> LogMoment:
        """Where all streams of `model` end now: a reader that is there has seen all received before."""
