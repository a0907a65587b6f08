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
from riverrun_trainer.where import Where

SINGLES = 64
"""Events from the session's start on that are learned on their own. That an event is set aside takes two
deaths at it alone here, so that no two chance kills can do it."""

LOT = 64
"""Events learned at once after them: what they cost beside their learning is then a small part."""

JOINED_SINGLES = 512
"""Joined examples that are learned on their own."""

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
    def is_needed(self) -> bool:
        """Whether anything is left that `lot` may name."""
        return self._end > 0

    @property
    def poisoned(self) -> Mapping[Where, str]:
        """What must not be learned, with the reason."""
        return {
            (self._stream, offset): REASON
            for offset, deaths in self._named.items()
            if deaths + self._in_lot(offset) >= 2
        }

    def lot(self, where: Where) -> OffsetRange | None:
        """What to name before the event there is learned; None where no caution is needed any more."""
        offset = where[1]
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


class JoinCaution:
    """Of a session that joins: what comes next is no range of one stream, so each example is named alone.

    An example is named by what `where_of` says. After an unclean end the first of them are.
    """

    def __init__(self, *, unclean_end: bool, suspects: Sequence[Suspect]) -> None:
        self._deaths = {
            (one.range.stream, one.range.start): one.deaths for one in suspects if _size(one) == 1
        }
        self._left = JOINED_SINGLES if unclean_end else 0

    @property
    def is_needed(self) -> bool:
        """Whether anything is left that `lot` may name."""
        return bool(self._left or self._deaths)

    @property
    def poisoned(self) -> Mapping[Where, str]:
        """What must not be learned, with the reason."""
        return {where: REASON for where, deaths in self._deaths.items() if deaths >= 2}

    def lot(self, where: Where) -> OffsetRange | None:
        """What to name before the example there is learned; None where no caution is needed."""
        if where not in self._deaths:
            if not self._left:
                return None
            self._left -= 1
        return OffsetRange(where[0], 0, where[1], where[1] + 1)
