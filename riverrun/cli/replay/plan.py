"""What the options of a replay, and what is known of a data set, come to."""

from __future__ import annotations

from dataclasses import dataclass

from riverrun.cli.replay.columns import Columns
from riverrun.cli.replay.datasets import Dataset
from riverrun.cli.replay.pace import Pace, parse_rate, parse_speed_up
from riverrun.core.errors import InvalidInput
from riverrun.core.spec.quantities import parse_duration


@dataclass(frozen=True, slots=True)
class Given:
    """The options as they were given; empty where one was not."""

    label: str = ""
    time: str = ""
    label_time: str = ""
    id: str = ""
    features: str = ""
    delay: str = ""
    rate: str = ""
    speed_up: str = ""


def plan(given: Given, dataset: Dataset | None) -> tuple[Columns, Pace]:
    """The columns and the pace; a data set's own columns where none are given.

    Raises `InvalidInput` naming the option that is missing or does not go with another.
    """
    label = given.label or (dataset.label if dataset else "")
    time = given.time or (dataset.time if dataset else None)
    label_time = given.label_time or (dataset.label_time if dataset and not given.delay else None)
    if not label:
        raise InvalidInput("--label", "is required: the column of the label")
    if given.rate and given.speed_up:
        raise InvalidInput("--speed-up", "does not go with --rate: give one of them")
    if given.delay and given.label_time:
        raise InvalidInput("--delay", "does not go with --label-time: give one of them")
    if given.speed_up and not time:
        raise InvalidInput("--speed-up", "needs --time, the column of the rows' own time")
    if label_time and not time:
        raise InvalidInput("--label-time", "needs --time, the column of the rows' own time")
    if given.delay and not time and not given.rate:
        raise InvalidInput("--delay", "needs --time or --rate: rows without either have no time")
    rate = parse_rate(given.rate) if given.rate else None
    columns = Columns(
        label=label,
        time=time or None,
        label_time=label_time or None,
        id=given.id or (dataset.id if dataset else None),
        features=_names(given.features),
        delay_s=_delay(given.delay),
        row_s=1 / rate if rate and not time else 0.0,
    )
    if given.speed_up:
        return columns, Pace(time_per_s=parse_speed_up(given.speed_up))
    if rate and not time:
        return columns, Pace(time_per_s=1.0)
    return columns, Pace(rows_per_s=rate)


def _names(text: str) -> tuple[str, ...] | None:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    return names or None


def _delay(text: str) -> float:
    try:
        return parse_duration(text) if text else 0.0
    except ValueError as error:
        raise InvalidInput("--delay", str(error)) from None
