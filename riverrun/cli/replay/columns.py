"""Raw rows to rows of a model: which column says what, each cell as the spec types it."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from riverrun.core.errors import InvalidInput
from riverrun.core.predictions import FeatureValue, Label
from riverrun.core.spec import ModelSpec
from riverrun.core.spec.features import FeatureSpec, check_features, shown

_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})
_TRUE = frozenset({"true", "1", "1.0", "yes", "t"})
_FALSE = frozenset({"false", "0", "0.0", "no", "f"})


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column holds what. `features` None: those of the spec, or all others where it has none.

    `delay_s` is how long after `time` a label is known, where no `label_time` column says it.
    `row_s` is the time from one row to the next where there is no `time` column.
    """

    label: str
    time: str | None = None
    label_time: str | None = None
    id: str | None = None
    features: tuple[str, ...] | None = None
    delay_s: float = 0.0
    row_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ReplayRow:
    """A row of the model: predicted at `at`, its label known at `known_at`, both in seconds of event time.

    `label` None: nobody ever tells.
    """

    number: int
    features: Mapping[str, FeatureValue]
    label: Label | None
    at: float
    known_at: float
    id: str | None = None


def typed_rows(raw: Iterable[Mapping[str, Any]], columns: Columns, spec: ModelSpec) -> Iterator[ReplayRow]:
    """The rows, each checked against `spec`. Raises `InvalidInput` naming the row and the column."""
    named: tuple[str, ...] | None = None
    last_at = -math.inf
    for number, cells in enumerate(raw, 1):
        if named is None:
            named = _feature_columns(cells, columns, spec)
        try:
            row = _typed(number, cells, named, columns, spec)
        except InvalidInput as error:
            raise InvalidInput(
                f"row {number}, {error.field.removeprefix('features.')}", error.expected
            ) from None
        if row.at < last_at:
            raise InvalidInput(f"row {number}, {columns.time}", "time goes back; sort the rows by it first")
        last_at = row.at
        yield row


def _feature_columns(cells: Mapping[str, Any], columns: Columns, spec: ModelSpec) -> tuple[str, ...]:
    for option, name in (
        ("--label", columns.label),
        ("--time", columns.time),
        ("--label-time", columns.label_time),
        ("--id", columns.id),
        *(("--features", name) for name in columns.features or ()),
    ):
        if name is not None and name not in cells:
            raise InvalidInput(option, f"no column {name!r}; columns: {', '.join(map(str, cells))[:500]}")
    if columns.features is not None:
        return columns.features
    special = {columns.label, columns.time, columns.label_time, columns.id}
    known = spec.features if spec.features is not None else cells
    found = tuple(name for name in known if name in cells and name not in special)
    if not found:
        raise InvalidInput("--features", f"no column is a feature of {spec.name}: {', '.join(known)[:500]}")
    return found


def _typed(
    number: int, cells: Mapping[str, Any], named: tuple[str, ...], columns: Columns, spec: ModelSpec
) -> ReplayRow:
    features = {}
    for name in named:
        value = _feature(name, cells.get(name), None if spec.features is None else spec.features.get(name))
        if value is not None:
            features[name] = value
    label = _label(cells[columns.label], columns.label, spec)
    at = number * columns.row_s if columns.time is None else _seconds(cells[columns.time], columns.time)
    known_at = at + columns.delay_s
    if columns.label_time is not None and label is not None:
        known_at = max(at, _seconds(cells[columns.label_time], columns.label_time))
    row_id = None if columns.id is None else str(cells[columns.id])
    return ReplayRow(number, check_features(spec.features, features), label, at, known_at, row_id)


def _feature(name: str, cell: Any, feature: FeatureSpec | None) -> FeatureValue:
    if _is_missing(cell):
        return None
    if isinstance(cell, datetime.date):
        cell = cell.isoformat()
    kind = "guess" if feature is None else feature.type
    match kind:
        case "float":
            typed: FeatureValue = _number(name, cell) if isinstance(cell, str) else cell
        case "int":
            typed = _whole(name, cell)
        case "bool":
            typed = _truth(name, cell)
        case "category" | "text":
            typed = cell if isinstance(cell, str) else _spelled(cell)
        case _:
            typed = _guessed(cell)
    return typed


def _label(cell: Any, name: str, spec: ModelSpec) -> Label | None:
    if _is_missing(cell):
        return None
    match spec.label_type:
        case "bool":
            cell = _truth(name, cell)
        case "int":
            cell = _whole(name, cell)
        case "float":
            cell = _number(name, cell) if isinstance(cell, str) else cell
        case _:
            cell = cell if isinstance(cell, str) else _spelled(cell)
    return spec.check_label(cell, name)


def _is_missing(cell: Any) -> bool:
    if cell is None:
        return True
    if isinstance(cell, str):
        return cell.strip().lower() in _MISSING
    return isinstance(cell, float) and math.isnan(cell)


def _number(name: str, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise InvalidInput(name, f"expected a number, got {shown(cell)}") from None


def _whole(name: str, cell: Any) -> Any:
    number = _number(name, cell) if isinstance(cell, str) else cell
    if isinstance(number, float) and number.is_integer():
        # Through text where there is one: a float cannot hold every whole number of 64 bits.
        return int(cell) if isinstance(cell, str) and cell.strip().lstrip("+-").isdigit() else int(number)
    return number


def _truth(name: str, cell: Any) -> bool:
    word = str(cell).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise InvalidInput(name, f"expected true or false, got {shown(cell)}")


def _spelled(cell: Any) -> str:
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def _guessed(cell: Any) -> FeatureValue:
    if not isinstance(cell, str):
        scalar: FeatureValue = cell  # check_features refuses what is none
        return scalar
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return cell


def _seconds(cell: Any, name: str) -> float:
    """Event time: a date and time (UTC where it names no zone), or Unix seconds."""
    if isinstance(cell, datetime.datetime):
        moment = cell
    elif isinstance(cell, datetime.date):
        moment = datetime.datetime.combine(cell, datetime.time())
    else:
        try:
            if isinstance(cell, int | float) and not isinstance(cell, bool):
                seconds = float(cell)
            else:
                seconds = float(str(cell))
            if math.isfinite(seconds):
                return seconds
        except ValueError:
            pass
        try:
            moment = datetime.datetime.fromisoformat(str(cell).strip())
        except ValueError:
            raise InvalidInput(
                name, f"expected a time such as 2026-11-24T07:30:00Z or Unix seconds, got {shown(cell)}"
            ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()
