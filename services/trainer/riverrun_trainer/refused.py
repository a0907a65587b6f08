"""Events that are set aside instead of learned."""

from __future__ import annotations

from dataclasses import dataclass

from riverrun.core.events import LoggedEvent, Stream


@dataclass(frozen=True, slots=True)
class Refused:
    """An event of `stream` that cannot be learned, and why: it, or the mini-batch that it is part of."""

    event: LoggedEvent
    reason: str
    stream: Stream = Stream.EXAMPLES
