"""The streams of a log that runs: where each begins in the tables, and its newest events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from riverrun.core.events import Stream
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


class OpenStreams:
    """The streams by model and name."""

    def __init__(self, rows: Iterable[StreamRow]) -> None:
        self._streams = {
            (row.model, row.name): OpenStream(
                row.id, row.model, row.name, row.first_offset, Tail(row.next_offset)
            )
            for row in rows
        }
        self._last_id = max((stream.id for stream in self._streams.values()), default=0)

    def opened(self, model: str, stream: Stream) -> OpenStream:
        """A stream; one that is asked for first is empty, and gets its row with its first event."""
        found = self._streams.get((model, stream.value))
        if found is None:
            self._last_id += 1
            found = OpenStream(self._last_id, model, stream.value, 0, Tail(0))
            self._streams[(model, stream.value)] = found
        return found

    def names(self) -> Sequence[tuple[str, Stream]]:
        """The (model, stream) pairs there are."""
        return [(model, Stream(name)) for model, name in self._streams]

    def of(self, model: str) -> Sequence[OpenStream]:
        """The streams of a model."""
        return [stream for stream in self._streams.values() if stream.model == model]

    def wake(self) -> None:
        """Wake all who wait for events."""
        for stream in self._streams.values():
            stream.tail.wake()
