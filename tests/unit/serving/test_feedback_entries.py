"""Feedback entries to events: ids by DECISIONS 20, each field checked; real logs are in integration."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from riverrun_serving.core.feedback import entry_from, parse_time, take_feedback, take_one
from riverrun_serving.core.served_models import ServedModel

from riverrun.core.errors import InvalidInput, Unavailable
from riverrun.core.events import Appended, NewEvent, Stream
from riverrun.core.spec import ModelSpec, parse_spec
from riverrun.events.embedded import id_rows
from tests.unit.serving.in_test_predictor import SPEC, slot_with

ENTRY = {"features": {"rooms": 3, "size": 50.0}, "label": 7.5}


@pytest.fixture
def model() -> ServedModel:
    return ServedModel("houses", SPEC)


def _id(model: ServedModel, **fields: Any) -> str:
    return entry_from(model, ENTRY | fields).event.event_id


def test_a_plain_retry_has_the_same_event_id_and_a_correction_another(model: ServedModel) -> None:
    first = _id(model, id="p1")

    assert len(first) == 64
    assert _id(model, id="p1") == first
    assert _id(model, id="p1", label=8.5) != first
    assert _id(model, id="p2") != first
    assert _id(model, id="p1", time="2026-01-01T00:00:00Z") != first


def test_without_any_id_an_event_is_always_new(model: ServedModel) -> None:
    assert _id(model) == ""
    assert _id(model, time="2026-01-01T00:00:00Z") == ""


def test_a_given_event_id_is_kept_and_compared_by_the_label(model: ServedModel) -> None:
    event = entry_from(model, ENTRY | {"event_id": "e1", "id": "p1", "weight": 2}).event

    assert (event.event_id, event.fingerprint, event.time_ns) == ("e1", b"7.5", None)
    assert json.loads(event.body) == ENTRY | {"weight": 2.0, "prediction_id": "p1"}


def test_times_become_unix_nanoseconds() -> None:
    assert parse_time("time", "1970-01-01T00:00:01.5Z") == 1_500_000_000
    assert parse_time("time", "2026-11-24T08:30:00+01:00") == parse_time("time", "2026-11-24T07:30:00Z")


@pytest.mark.parametrize(
    "text", ["1969-12-31T23:59:59Z", "9999-12-31T00:00:00Z", "2026-13-01T00:00:00Z", 5, ""]
)
def test_impossible_times_are_refused(text: Any) -> None:
    with pytest.raises(InvalidInput, match="time: expected a time"):
        parse_time("time", text)


def test_numbers_reach_the_log_exactly(model: ServedModel) -> None:
    event = entry_from(model, ENTRY | {"features": {"size": 10**30}, "label": 0.1 + 0.2}).event

    assert json.loads(event.body) == {"features": {"size": 10**30}, "label": 0.1 + 0.2}


def test_features_of_the_live_version_are_taken_beside_those_of_the_newest_spec() -> None:
    newer = parse_spec(
        "{name: houses, task: regression, model: [linear_model.LinearRegression], features: {floors: int}}"
    )
    model = ServedModel("houses", newer, slots={"live": slot_with(3)})

    entry_from(model, {"features": {"floors": 2}, "label": 1.0})
    entry_from(model, {"features": {"rooms": 2}, "label": 1.0})
    with pytest.raises(InvalidInput, match=r"features\.colour: unknown feature; known: floors"):
        entry_from(model, {"features": {"colour": 2}, "label": 1.0})


async def test_what_the_log_refuses_is_rejected_at_its_own_index(model: ServedModel) -> None:
    async def append(name: str, _stream: Stream, events: Sequence[NewEvent]) -> list[Appended]:
        assert name == "houses"
        return [Appended(0), Appended(-1, refused="time: too far ahead"), Appended(1, duplicate=True)]

    unreadable = InvalidInput("body", "expected JSON")
    taken = await take_feedback(model, [ENTRY, unreadable, ENTRY, {"label": 1}, ENTRY], append)

    assert (taken.accepted, taken.duplicates) == (2, 1)
    assert [(one.index, one.error.partition(":")[0]) for one in taken.rejected] == [
        (1, "body"),
        (2, "time"),
        (3, "features"),
    ]


async def test_with_the_log_away_nothing_is_acknowledged(model: ServedModel) -> None:
    async def append(_name: str, _stream: Stream, _events: Sequence[NewEvent]) -> list[Appended]:
        raise Unavailable("the event log", "gone")

    with pytest.raises(Unavailable):
        await take_feedback(model, [ENTRY, {"label": 1}], append)
    with pytest.raises(Unavailable):
        await take_one(model, ENTRY, append)


async def test_a_wrong_lot_never_reaches_the_log(model: ServedModel) -> None:
    async def append(_name: str, _stream: Stream, _events: Sequence[NewEvent]) -> list[Appended]:
        raise AssertionError("nothing to append")

    taken = await take_feedback(model, [{"label": 1}, 7], append)

    assert (taken.accepted, len(taken.rejected)) == (0, 2)


JOINED = parse_spec(
    "{name: houses, task: regression, model: [linear_model.LinearRegression], "
    "features: {rooms: int}, label: {window: 48h}}"
)
LAST = parse_spec(
    "{name: houses, task: regression, model: [linear_model.LinearRegression], "
    "features: {rooms: int}, label: {window: 48h, corrections: last}}"
)


def test_a_label_by_id_goes_to_the_labels_with_nothing_but_itself() -> None:
    entry = entry_from(ServedModel("houses", JOINED), {"id": "p1", "label": 7, "weight": 2})

    assert entry.stream is Stream.LABELS
    assert json.loads(entry.event.body) == {"id": "p1", "label": 7.0, "weight": 2.0}
    assert entry.event.fingerprint == b"7.0"


def test_without_a_window_a_label_by_id_is_refused_and_the_error_says_what_to_do(model: ServedModel) -> None:
    with pytest.raises(InvalidInput, match=r"features: is required: the spec names no label\.window"):
        entry_from(model, {"id": "p1", "label": 7.5})


def test_a_label_without_id_and_features_is_refused() -> None:
    with pytest.raises(InvalidInput, match="id: is required where there are no features"):
        entry_from(ServedModel("houses", JOINED), {"label": 7.5})


def test_where_corrections_are_refused_an_id_has_one_event_id_whatever_the_label_and_time() -> None:
    def event_id(spec: ModelSpec, **fields: Any) -> str:
        return entry_from(ServedModel("houses", spec), {"id": "p1", "label": 1.0} | fields).event.event_id

    time = "2026-01-01T00:00:00Z"
    assert event_id(JOINED) == event_id(JOINED, label=2.0) == event_id(JOINED, time=time)
    assert len({event_id(LAST), event_id(LAST, label=2.0), event_id(LAST, time=time)}) == 3
    assert event_id(JOINED) != event_id(JOINED, id="p2")


async def test_a_correction_that_the_log_refuses_is_said_in_the_callers_words() -> None:
    async def append(_model: str, _stream: Stream, events: Sequence[NewEvent]) -> list[Appended]:
        return [Appended(-1, refused=id_rows.OTHER_FINGERPRINT)] * len(events)

    model = ServedModel("houses", JOINED)
    with pytest.raises(InvalidInput, match=r"id: was given before with another label, and label\.corr"):
        await take_one(model, {"id": "p1", "label": 1.0}, append)
    with pytest.raises(InvalidInput, match="event_id: was given before with another label"):
        await take_one(model, {"id": "p1", "label": 1.0, "event_id": "mine"}, append)


async def test_each_entry_of_a_list_goes_to_its_own_stream() -> None:
    appended: dict[Stream, int] = {}

    async def append(_model: str, stream: Stream, events: Sequence[NewEvent]) -> list[Appended]:
        appended[stream] = len(events)
        return [Appended(n, duplicate=stream is Stream.LABELS) for n in range(len(events))]

    entries = [{"id": "a", "label": 1.0}, {"label": 1.0}, {"features": {"rooms": 1}, "label": 2.0}]
    taken = await take_feedback(ServedModel("houses", JOINED), entries, append)

    assert appended == {Stream.LABELS: 1, Stream.EXAMPLES: 1}
    assert (taken.accepted, taken.duplicates, [one.index for one in taken.rejected]) == (2, 1, [1])
