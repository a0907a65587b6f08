"""Which flights are learned first, and which are served."""

from __future__ import annotations

from datetime import UTC, datetime

from flights import Flight
from span import WARM_UP_DAYS, Span

DAY = 24 * 60
START = datetime(2013, 3, 1, tzinfo=UTC)
FIRST = int(START.timestamp()) // 60


def flight(day: float) -> Flight:
    return Flight(str(day), FIRST + round(day * DAY), None, None, {})


def test_span_is_the_warm_up_and_then_so_many_flights() -> None:
    days = [-1.0, 0.0, WARM_UP_DAYS - 0.1, WARM_UP_DAYS, WARM_UP_DAYS + 1, WARM_UP_DAYS + 2]

    span = Span.starting(START, 2)

    assert span.serves_from == FIRST + WARM_UP_DAYS * DAY
    assert [f.flight_id for f in span.of([flight(day) for day in days])] == ["0.0", "27.9", "28", "29"]


def test_without_a_bound_every_later_flight_is_served() -> None:
    flights = [flight(day) for day in range(0, 300, 10)]

    assert Span.starting(START, None).of(flights) == flights
