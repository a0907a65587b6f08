"""What a line learns from, in the order in which it does: the examples alone, or all that is joined."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any, Protocol

from riverrun.core.events import OffsetRange, Stream
from riverrun_trainer.inbox import Inbox
from riverrun_trainer.learning import Learning
from riverrun_trainer.refused import Refused
from riverrun_trainer.where import Where


class Feed(Protocol):
    """Hands events to a `Learning`, which moves on by them."""

    def readers(self) -> Iterable[Coroutine[Any, Any, None]]:
        """What has to run for as long as the session does."""

    def __bool__(self) -> bool:
        """Whether there may be something to learn now."""

    def next_learned(self) -> Where | None:
        """What `learn` takes first, the same for all that go on from one version; None: not known yet."""

    def learn(
        self, learning: Learning, limit: float, until_s: float, poisoned: Mapping[Where, str]
    ) -> list[Refused]:
        """Take at most `limit` examples, until `until_s` of `perf_counter`; those to set aside."""

    def take_expired(self) -> Sequence[OffsetRange]:
        """Ranges, new since the last call, that the log had let go of before they were read."""


class ExampleFeed:
    """The examples stream, event by event."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def readers(self) -> Iterable[Coroutine[Any, Any, None]]:
        """See `Feed.readers`."""
        return [self._inbox.fill()]

    def __bool__(self) -> bool:
        return bool(self._inbox)

    def next_learned(self) -> Where | None:
        """See `Feed.next_learned`."""
        return (Stream.EXAMPLES, self._inbox.peek().offset) if self._inbox else None

    def learn(
        self, learning: Learning, limit: float, until_s: float, poisoned: Mapping[Where, str]
    ) -> list[Refused]:
        """See `Feed.learn`."""
        offsets = {offset: why for (stream, offset), why in poisoned.items() if stream is Stream.EXAMPLES}
        return learning.take(self._inbox.take(limit, until_s), offsets)

    def take_expired(self) -> Sequence[OffsetRange]:
        """See `Feed.take_expired`."""
        return self._inbox.take_expired()
