"""Which part of the year is learned first, and which is then served."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flights import Flight

WARM_UP_DAYS = 28
DEFAULT_FLIGHTS = 40_000


@dataclass(frozen=True, slots=True)
class Span:
    """Flights from `learns_from` are learned; from `serves_from` on they are predicted too.

    Times are minutes since 1970, UTC. `count` bounds the flights that are served, None for no bound.
    """

    learns_from: int
    serves_from: int
    count: int | None

    @classmethod
    def default(cls) -> Span:
        """Four weeks of March to learn from, then 40,000 flights."""
        return cls.starting(datetime(2013, 3, 1, tzinfo=UTC), DEFAULT_FLIGHTS)

    @classmethod
    def year(cls) -> Span:
        """Four weeks of January to learn from, then the rest of the year."""
        return cls.starting(datetime(2013, 1, 1, tzinfo=UTC), None)

    @classmethod
    def starting(cls, day: datetime, count: int | None) -> Span:
        """A warm-up from `day`, then `count` flights."""
        start = int(day.timestamp()) // 60
        return cls(start, start + WARM_UP_DAYS * 24 * 60, count)

    def of(self, flights: Sequence[Flight]) -> list[Flight]:
        """The flights of the span, the warm-up's first. `flights` are in the order of their predictions."""
        warm_up = [flight for flight in flights if self.learns_from <= flight.predict_at < self.serves_from]
        served = [flight for flight in flights if flight.predict_at >= self.serves_from]
        return warm_up + served[: self.count]
