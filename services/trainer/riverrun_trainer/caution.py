"""How carefully a session learns: pure arithmetic on what the parameter server says of those before it.

A trainer died, hung or was cut off, at an event that nobody knows. The next one says what it is about to
learn, on disk, before it learns it: event by event at first, in lots further on, up to where the log ended
when it came; whatever was learned before lies below that. Should it die too, the one after it knows the
event, or the lot, of which it then learns each event on its own. An event that was named exactly has been
there at two or three deaths by then, and is not learned again (DECISIONS 25).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from riverrun.core.events import OffsetRange, Stream, Suspect

SINGLES = 64
"""Events from the session's start on that are learned on their own. That an event is set aside takes two
deaths at it alone here, so that no two chance kills can do it."""

LOT = 64
"""Events learned at once after them: what they cost beside their learning is then a small part."""

REASON = "the trainer died whenever it learned this event"


class Caution:
    """Of one session that reads `stream` from offset `start` on; the log ended at `end` when it opened."""

    def __init__(
        self, stream: Stream, start: int, end: int, *, unclean_end: bool, suspects: Sequence[Suspect]
    ) -> None:
        mine = [suspect for suspect in suspects if suspect.range.stream is stream]
        self._stream = stream
        self._singles_end = start + SINGLES
        self._lots = [suspect.range for suspect in mine if _size(suspect) > 1]
        self._named = {suspect.range.start: suspect.deaths for suspect in mine if _size(suspect) == 1}
        self._end = end if unclean_end else max((suspect.range.end for suspect in mine), default=start)

    @property
    def poisoned(self) -> Mapping[int, str]:
        """Offsets that must not be learned, with the reason."""
        return {
            offset: REASON for offset, deaths in self._named.items() if deaths + self._in_lot(offset) >= 2
        }

    def lot(self, offset: int) -> OffsetRange | None:
        """What to name before the event at `offset` is learned; None where no caution is needed any more."""
        if offset >= self._end:
            return None
        if offset < self._singles_end or offset in self._named or self._in_lot(offset):
            return OffsetRange(self._stream, 0, offset, offset + 1)
        ahead = [*self._named, *(range_.start for range_ in self._lots), self._end, offset + LOT]
        return OffsetRange(self._stream, 0, offset, min(place for place in ahead if place > offset))

    def _in_lot(self, offset: int) -> bool:
        return any(range_.start <= offset < range_.end for range_ in self._lots)


def _size(suspect: Suspect) -> int:
    return suspect.range.end - suspect.range.start
