"""Feedback: labels from callers, with features or by the prediction's id, checked and appended durably."""

from __future__ import annotations

import datetime
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from riverrun.core.errors import InvalidInput
from riverrun.core.events import Appended, Example, NewEvent, Stream
from riverrun.core.examples_json import encode_example
from riverrun.core.joining_json import encode_label
from riverrun.core.predictions import FeatureValue
from riverrun.core.spec.features import finite_number, shown, shown_name
from riverrun_serving.core.predicting import MAX_ID
from riverrun_serving.core.served_models import ServedModel

MAX_ENTRIES = 50_000
ENTRY_KEYS = frozenset({"id", "features", "label", "weight", "time", "event_id"})

NO_WINDOW = "the spec names no label.window, in which a label is joined to its prediction"
CORRECTED = "id: was given before with another label, and label.corrections is refuse"

AppendFeedback = Callable[[str, Stream, Sequence[NewEvent]], Awaitable[Sequence[Appended]]]
"""Append to a model's stream; returns once all are on disk. Raises `Unavailable`, `Exhausted`."""


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


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as an event of `stream`. `is_named` says that its event id is the caller's own."""

    stream: Stream
    event: NewEvent
    is_named: bool

    def refusal(self, outcome: Appended) -> str:
        """Why the log refused it, in the caller's words; empty where it did not."""
        if outcome.refused.startswith("event_id:") and not self.is_named:
            return CORRECTED
        return outcome.refused


async def take_one(model: ServedModel, entry: object, append: AppendFeedback) -> Taken:
    """Append one entry; returns once it is durable. Raises `InvalidInput`, and what `append` raises."""
    given = entry_from(model, entry)
    outcome = (await append(model.name, given.stream, [given.event]))[0]
    if outcome.refused:
        field, colon, expected = given.refusal(outcome).partition(": ")
        raise InvalidInput(field, expected) if colon else InvalidInput("", field)
    return Taken(1, int(outcome.duplicate), ())


async def take_feedback(model: ServedModel, entries: Sequence[object], append: AppendFeedback) -> Taken:
    """Append every valid entry; returns once they are durable. One bad entry spoils no other.

    An entry may be an `InvalidInput`, where an edge could not even read it; it is rejected for that.

    Raises what `append` raises: then nothing is acknowledged, and the whole request may be repeated.
    """
    if not entries:
        raise InvalidInput("feedback", "expected at least one entry")
    if len(entries) > MAX_ENTRIES:
        raise InvalidInput("feedback", f"expected at most {MAX_ENTRIES} entries, got {len(entries)}")
    rejected: list[Rejected] = []
    given: dict[Stream, list[tuple[int, Entry]]] = {}
    for index, entry in enumerate(entries):
        try:
            one = entry_from(model, entry)
        except InvalidInput as error:
            rejected.append(Rejected(index, str(error)))
        else:
            given.setdefault(one.stream, []).append((index, one))
    accepted = duplicates = 0
    for stream, numbered in given.items():
        appended = await append(model.name, stream, [one.event for _, one in numbered])
        for (index, one), outcome in zip(numbered, appended, strict=True):
            if outcome.refused:
                rejected.append(Rejected(index, one.refusal(outcome)))
                continue
            accepted += 1
            duplicates += outcome.duplicate
    return Taken(accepted, duplicates, tuple(sorted(rejected, key=lambda one: one.index)))


def entry_from(model: ServedModel, entry: object) -> Entry:
    """What one entry is. Raises `InvalidInput` naming the field."""
    if isinstance(entry, InvalidInput):
        raise entry
    if not isinstance(entry, Mapping):
        raise InvalidInput(
            "feedback", f"expected an object with label and id or features, got {shown(entry)}"
        )
    unknown = next((key for key in entry if key not in ENTRY_KEYS), None)
    if unknown is not None:
        raise InvalidInput(shown_name(unknown), f"unknown key; known: {', '.join(sorted(ENTRY_KEYS))}")
    given_id = _text(entry, "id")
    if "label" not in entry:
        raise InvalidInput("label", "is required")
    label = model.spec.check_label(entry["label"])
    by_id = entry.get("features") is None
    if by_id and not model.spec.joins:
        raise InvalidInput("features", f"is required: {NO_WINDOW}")
    if by_id and not given_id:
        raise InvalidInput("id", "is required where there are no features: that of the prediction")
    features = {} if by_id else _checked_features(model, entry["features"])
    weight = finite_number("weight", entry.get("weight", 1.0))
    if weight < 0:
        raise InvalidInput("weight", f"expected 0 or more, got {shown(weight)}")
    given_time = entry.get("time")
    time_ns = None if given_time is None else parse_time("time", given_time)
    label_json = json.dumps(label).encode()
    event_id = _text(entry, "event_id")
    if by_id:
        body = encode_label(given_id, label, float(weight))
    else:
        body = encode_example(Example(features, label, float(weight), given_id))
    event = NewEvent(
        event_id=event_id or _default_event_id(model, given_id, label_json, given_time),
        body=body,
        time_ns=time_ns,
        fingerprint=label_json,
    )
    return Entry(Stream.LABELS if by_id else Stream.EXAMPLES, event, bool(event_id))


def _default_event_id(model: ServedModel, given_id: str, label_json: bytes, given_time: Any) -> str:
    """A plain retry has the same one (DECISIONS 20); without an id the event is always new.

    Where corrections are refused the label is not part of it: another one is then told by its fingerprint.
    """
    if not given_id:
        return ""
    parts = [model.name, given_id]
    if not model.spec.joins or model.spec.label.corrections == "last":
        parts += [label_json.decode()] + ([given_time] if given_time is not None else [])
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
