"""Feedback: labelled examples from callers, checked one by one and appended durably."""

from __future__ import annotations

import datetime
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from riverrun.core.errors import InvalidInput
from riverrun.core.events import Appended, Example, NewEvent
from riverrun.core.examples_json import encode_example
from riverrun.core.predictions import FeatureValue
from riverrun.core.spec.features import finite_number, shown, shown_name
from riverrun_serving.core.predicting import MAX_ID
from riverrun_serving.core.served_models import ServedModel

MAX_ENTRIES = 50_000
ENTRY_KEYS = frozenset({"id", "features", "label", "weight", "time", "event_id"})

AppendExamples = Callable[[str, Sequence[NewEvent]], Awaitable[Sequence[Appended]]]
"""Append to a model's examples stream; returns once all are on disk. Raises `Unavailable`, `Exhausted`."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The entry at `index` was not taken, and why, naming the field."""

    index: int
    error: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a request's entries; `accepted` counts those on disk, `duplicates` among them."""

    accepted: int
    duplicates: int
    rejected: tuple[Rejected, ...]


async def take_one(model: ServedModel, entry: object, append: AppendExamples) -> Taken:
    """Append one entry; returns once it is durable. Raises `InvalidInput`, and what `append` raises."""
    outcome = (await append(model.name, [event_from(model, entry)]))[0]
    if outcome.refused:
        field, colon, expected = outcome.refused.partition(": ")
        raise InvalidInput(field, expected) if colon else InvalidInput("", outcome.refused)
    return Taken(1, int(outcome.duplicate), ())


async def take_feedback(model: ServedModel, entries: Sequence[object], append: AppendExamples) -> Taken:
    """Append every valid entry; returns once they are durable. One bad entry spoils no other.

    An entry may be an `InvalidInput`, where an edge could not even read it; it is rejected for that.

    Raises what `append` raises: then nothing is acknowledged, and the whole request may be repeated.
    """
    if not entries:
        raise InvalidInput("feedback", "expected at least one entry")
    if len(entries) > MAX_ENTRIES:
        raise InvalidInput("feedback", f"expected at most {MAX_ENTRIES} entries, got {len(entries)}")
    rejected: list[Rejected] = []
    events: list[NewEvent] = []
    indices: list[int] = []
    for index, entry in enumerate(entries):
        try:
            events.append(event_from(model, entry))
        except InvalidInput as error:
            rejected.append(Rejected(index, str(error)))
        else:
            indices.append(index)
    appended = await append(model.name, events) if events else []
    accepted = duplicates = 0
    for index, outcome in zip(indices, appended, strict=True):
        if outcome.refused:
            rejected.append(Rejected(index, outcome.refused))
            continue
        accepted += 1
        duplicates += outcome.duplicate
    return Taken(accepted, duplicates, tuple(sorted(rejected, key=lambda one: one.index)))


def event_from(model: ServedModel, entry: object) -> NewEvent:
    """The event that one entry is. Raises `InvalidInput` naming the field."""
    if isinstance(entry, InvalidInput):
        raise entry
    if not isinstance(entry, Mapping):
        raise InvalidInput("feedback", f"expected an object with features and label, got {shown(entry)}")
    unknown = next((key for key in entry if key not in ENTRY_KEYS), None)
    if unknown is not None:
        raise InvalidInput(shown_name(unknown), f"unknown key; known: {', '.join(sorted(ENTRY_KEYS))}")
    given_id = _text(entry, "id")
    if "label" not in entry:
        raise InvalidInput("label", "is required")
    label = model.spec.check_label(entry["label"])
    if entry.get("features") is None:
        raise InvalidInput(
            "features", "is required: a label is not yet joined to its prediction by id, send both together"
        )
    features = _checked_features(model, entry["features"])
    weight = finite_number("weight", entry.get("weight", 1.0))
    if weight < 0:
        raise InvalidInput("weight", f"expected 0 or more, got {shown(weight)}")
    given_time = entry.get("time")
    time_ns = None if given_time is None else parse_time("time", given_time)
    label_json = json.dumps(label).encode()
    return NewEvent(
        event_id=_text(entry, "event_id") or _default_event_id(model.name, given_id, label_json, given_time),
        body=encode_example(Example(features, label, float(weight), given_id)),
        time_ns=time_ns,
        fingerprint=label_json,
    )


def _default_event_id(model: str, given_id: str, label_json: bytes, given_time: Any) -> str:
    """A plain retry has the same one (DECISIONS 20); without an id the event is always new."""
    if not given_id:
        return ""
    parts = [model, given_id, label_json.decode()] + ([given_time] if given_time is not None else [])
    return sha256(json.dumps(parts).encode()).hexdigest()


def _checked_features(model: ServedModel, features: Any) -> Mapping[str, FeatureValue]:
    """`features` by the newest registered spec, or by that of the live version.

    Both lines of a model read one stream: a client may be ahead of the promotion, or behind it.
    """
    try:
        return model.spec.check_row(features)
    except InvalidInput as error:
        live = None if model.live is None else model.live.current
        if live is None or live.spec.features == model.spec.features:
            raise
        try:
            return live.spec.check_row(features)
        except InvalidInput:
            raise error from None


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID:
        raise InvalidInput(key, f"expected a string of 1 to {MAX_ID} characters, got {shown(value)}")
    return value


def parse_time(field: str, text: Any) -> int:
    """Unix nanoseconds of an RFC 3339 time; raises `InvalidInput` naming `field`."""
    expected = f"expected a time such as 2026-11-24T07:30:00Z, got {shown(text)}"
    if not isinstance(text, str):
        raise InvalidInput(field, expected)
    try:
        moment = datetime.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise InvalidInput(field, f"expected a time with a zone such as Z, got {shown(text)}")
        since = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(field, expected) from None
    nanoseconds = (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000
    if not 0 < nanoseconds < 2**63:
        raise InvalidInput(field, f"expected a time after 1970 and before 2262, got {shown(text)}")
    return nanoseconds
