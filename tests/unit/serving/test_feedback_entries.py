"""Feedback entries to events: ids by DECISIONS 20, each field checked; real logs are in integration."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from riverrun_serving.core.feedback import event_from, parse_time, take_feedback, take_one
from riverrun_serving.core.served_models import ServedModel

from riverrun.core.errors import InvalidInput, Unavailable
from riverrun.core.events import Appended, NewEvent
from riverrun.core.spec import parse_spec
from tests.unit.serving.in_test_predictor import SPEC, slot_with

ENTRY = {"features": {"rooms": 3, "size": 50.0}, "label": 7.5}


@pytest.fixture
def model() -> ServedModel:
    return ServedModel("houses", SPEC)


def _id(model: ServedModel, **fields: Any) -> str:
    return event_from(model, ENTRY | fields).event_id


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
    event = event_from(model, ENTRY | {"event_id": "e1", "id": "p1", "weight": 2})

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
    event = event_from(model, ENTRY | {"features": {"size": 10**30}, "label": 0.1 + 0.2})

    assert json.loads(event.body) == {"features": {"size": 10**30}, "label": 0.1 + 0.2}


def test_features_of_the_live_version_are_taken_beside_those_of_the_newest_spec() -> None:
    newer = parse_spec(
        "{name: houses, task: regression, model: [linear_model.LinearRegression], features: {floors: int}}"
    )
    model = ServedModel("houses", newer, slots={"live": slot_with(3)})

    event_from(model, {"features": {"floors": 2}, "label": 1.0})
    event_from(model, {"features": {"rooms": 2}, "label": 1.0})
    with pytest.raises(InvalidInput, match=r"features\.colour: unknown feature; known: floors"):
        event_from(model, {"features": {"colour": 2}, "label": 1.0})


async def test_what_the_log_refuses_is_rejected_at_its_own_index(model: ServedModel) -> None:
    async def append(name: str, events: Sequence[NewEvent]) -> list[Appended]:
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
    async def append(_name: str, _events: Sequence[NewEvent]) -> list[Appended]:
        raise Unavailable("the event log", "gone")

    with pytest.raises(Unavailable):
        await take_feedback(model, [ENTRY, {"label": 1}], append)
    with pytest.raises(Unavailable):
        await take_one(model, ENTRY, append)


async def test_a_wrong_lot_never_reaches_the_log(model: ServedModel) -> None:
    async def append(_name: str, _events: Sequence[NewEvent]) -> list[Appended]:
        raise AssertionError("nothing to append")

    taken = await take_feedback(model, [{"label": 1}, 7], append)

    assert (taken.accepted, len(taken.rejected)) == (0, 2)
