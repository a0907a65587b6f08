"""How an example is named, by whoever must know it again: after a death, or to set it aside."""

from __future__ import annotations

from collections.abc import Mapping

from riverrun.core.events import Stream
from riverrun.core.joining import JoinedExample

Where = tuple[Stream, int]
"""Stream and offset of what an example is named by: its own event, or its prediction where it was joined to
one.
"""

NOWHERE_POISONED: Mapping[Where, str] = {}


def where_of(joined: JoinedExample) -> Where:
    """What `joined` is named by, among what a version's positions do not contain before it is decided."""
    if joined.stream is Stream.LABELS and joined.served is not None:
        return (Stream.PREDICTIONS, joined.served.offset)
    return (joined.stream, joined.event.offset)
