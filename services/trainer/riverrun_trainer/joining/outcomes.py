"""What the join comes to: examples to learn, events to set aside, and what is decided of each."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable

from riverrun.core.events import LoggedEvent, Stream
from riverrun.core.joining import JoinedExample, Origin
from riverrun_trainer.joining.ledger import Ledger, Place
from riverrun_trainer.refused import Refused


class Outcomes:
    """`ready` holds, in order, examples on their way to be learned, for which `settle` must be called once
    they are, and events to set aside, which are decided.

    `counts` says what became of predictions and labels since the last `take_counts`. An event whose example
    is on its way is decided, and closed, once that is settled.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        # Of examples that are on their way, how many each; and those that are closed but for that.
        self._unsettled: Counter[Place] = Counter()
        self._closed: set[Place] = set()
        self.ready: deque[JoinedExample | Refused] = deque()
        self.counts: Counter[str] = Counter()
        self._totals: Counter[str] = Counter()

    @property
    def coverage(self) -> float | None:
        """The share of predictions that got their label, among those decided whose counts were taken."""
        decided = self._totals["labelled"] + self._totals["silent"]
        return self._totals["labelled"] / decided if decided else None

    def take_counts(self) -> Counter[str]:
        """What became of predictions and labels since the last call."""
        counts, self.counts = self.counts, Counter()
        self._totals.update(counts)
        return counts

    def put(self, joined: JoinedExample) -> None:
        """`joined` is ready to be learned."""
        self._unsettled.update(_places(joined))
        self.ready.append(joined)

    def expect(self, place: Place) -> None:
        """An example that decides the prediction at `place` is on its way, and not by `ready`."""
        self._unsettled[place] += 1

    def set_aside(self, event: LoggedEvent, reason: str, place: Place, outcome: str) -> None:
        """`event` at `place` is not learned, for `reason`, and counts as `outcome`."""
        self.ready.append(Refused(event, reason, place[0]))
        self.decide(place, outcome)

    def decide(self, place: Place, outcome: str) -> None:
        """The event at `place` is decided, and counts as `outcome`, empty for one that counted before."""
        self._ledger.decide(place)
        if outcome:
            self.counts[outcome] += 1

    def close(self, places: Iterable[Place]) -> None:
        """Nothing will be joined to the events there any more; all are decided, but for examples on their
        way.
        """
        for place in places:
            if place in self._unsettled:
                self._closed.add(place)
            else:
                self._ledger.close(place)

    def settle(self, joined: JoinedExample) -> None:
        """`joined`, which came from the join, is learned or refused for good."""
        for place in _places(joined):
            if place[0] is Stream.EXAMPLES:
                continue
            if joined.origin is Origin.EARLY_NEGATIVE:
                self._ledger.mark_early(place)
            else:
                self._ledger.decide(place)
            self._unsettled[place] -= 1
            if self._unsettled[place] == 0:
                del self._unsettled[place]
                if place in self._closed:
                    self._closed.remove(place)
                    self._ledger.close(place)


def _places(joined: JoinedExample) -> list[Place]:
    """Where the events are that `joined` decides."""
    places = [(joined.stream, joined.event.partition, joined.event.offset)]
    served = joined.served
    if served is not None and joined.stream is not Stream.PREDICTIONS:
        places.append((Stream.PREDICTIONS, served.partition, served.offset))
    return places
