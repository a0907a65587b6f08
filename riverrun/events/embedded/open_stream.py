"""One stream as a running log holds it."""

from __future__ import annotations

from dataclasses import dataclass

from riverrun.events.embedded.stream_rows import StreamRow
from riverrun.events.embedded.tail import Tail


@dataclass(slots=True)
class OpenStream:
    """Events from `first_offset` on are in the log's tables, older ones in history files; `tail.end` is the
    next offset."""

    id: int
    model: str
    name: str
    first_offset: int
    tail: Tail

    def row(self) -> StreamRow:
        """The stream as its row says it."""
        return StreamRow(self.id, self.model, self.name, self.first_offset, self.tail.end)
