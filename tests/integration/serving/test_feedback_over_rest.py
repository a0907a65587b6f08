"""Feedback over REST into the real event log: acknowledged only when durable, each entry judged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from riverrun.core.events import Stream
from riverrun.rpc.channels import open_channel
from riverrun.rpc.event_log import RemoteEventLog
from tests.integration.serving.serving_stack import PATIENCE_S, eventually

ROW = {"features": {"amount": 3.0, "hour": 1.0}, "label": True}


@pytest.fixture
async def served(stack: Any, specs: dict[str, str]) -> Any:
    """Serving of `fraud`, registered and never trained: labels are taken all the same."""
    await stack.client.register_model(specs["fraud"])
    served = await stack.serving()
    await served.reaches("fraud", 0)

    async def there() -> bool:
        return bool((await served.http.get("/v1/models/fraud")).status_code == 200)

    await eventually(there, "the model never appeared")
    return served


async def _logged(stack: Any) -> list[dict[str, Any]]:
    channel = open_channel(stack.address)
    log = RemoteEventLog(channel, deadline_s=PATIENCE_S)
    events = [
        json.loads(event.body)
        async for batch in log.read("fraud", Stream.EXAMPLES, {0: 0}, follow=False)
        for event in batch
    ]
    await channel.close()
    return events


async def test_acknowledged_entries_lie_in_the_log_as_examples(stack: Any, served: Any) -> None:
    one = await served.http.post("/v1/models/fraud:feedback", json={"id": "p1", "weight": 2, **ROW})

    assert (one.status_code, one.json()) == (202, {"accepted": 1, "duplicates": 0, "rejected": []})
    assert await _logged(stack) == [
        {"features": {"amount": 3.0, "hour": 1.0}, "label": True, "weight": 2.0, "prediction_id": "p1"}
    ]


async def test_of_a_list_each_entry_is_judged_on_its_own(stack: Any, served: Any) -> None:
    entries = [
        ROW,
        {"features": {"amount": -1.0}, "label": True},
        {"id": "x", "label": True},
        {"features": {"amount": 1.0}, "label": "yes"},
        {"features": {"amount": 1.0}, "label": 0, "colour": 1},
        {"features": {"amount": 1.0}, "label": 0, "time": "2199-01-01T00:00:00Z"},
        {"features": {"amount": 1.0}, "label": 0, "time": "yesterday"},
        {"features": {"amount": 1.0}, "label": 0, "weight": -1},
        7,
        ROW,
    ]

    response = await served.http.post("/v1/models/fraud:feedback", json=entries)

    body = response.json()
    errors = {one["index"]: one["error"] for one in body["rejected"]}
    assert (response.status_code, body["accepted"]) == (202, 2)
    assert errors[1] == "features.amount: expected at least 0, got -1.0"
    assert errors[2].startswith("features: is required")
    assert errors[3].startswith("label: expected true or false")
    assert errors[4].startswith("colour: unknown key")
    assert errors[5].startswith("time")
    assert errors[6].startswith("time: expected a time such as")
    assert errors[7] == "weight: expected 0 or more, got -1"
    assert errors[8].startswith("feedback: expected an object")
    assert len(await _logged(stack)) == 2


@pytest.mark.parametrize("content_type", ["application/x-ndjson", "application/json", ""])
async def test_lines_are_taken_with_and_without_their_content_type(
    stack: Any, served: Any, content_type: str
) -> None:
    lines = "\n".join([json.dumps(ROW), "", "{broken", json.dumps(ROW)])
    if content_type != "application/x-ndjson":
        lines = lines.replace("{broken\n", "")

    response = await served.http.post(
        "/v1/models/fraud:feedback",
        content=lines.encode(),
        headers={"content-type": content_type} if content_type else {},
    )

    assert response.status_code == 202, response.text
    assert response.json()["accepted"] == 2
    assert [one["index"] for one in response.json()["rejected"]] == (
        [1] if content_type == "application/x-ndjson" else []
    )


async def test_the_same_id_and_label_count_once_and_another_label_is_new(stack: Any, served: Any) -> None:
    first = await served.http.post("/v1/models/fraud:feedback", json={"id": "p1", **ROW})
    again = await served.http.post("/v1/models/fraud:feedback", json={"id": "p1", **ROW})
    other = await served.http.post("/v1/models/fraud:feedback", json={"id": "p1", **ROW, "label": False})
    timed = await served.http.post(
        "/v1/models/fraud:feedback", json={"id": "p1", **ROW, "time": "2026-01-01T00:00:00Z"}
    )

    assert [r.json()["duplicates"] for r in (first, again, other, timed)] == [0, 1, 0, 0]
    assert [r.json()["accepted"] for r in (first, again, other, timed)] == [1, 1, 1, 1]
    assert len(await _logged(stack)) == 3


async def test_without_any_id_feedback_is_always_new(stack: Any, served: Any) -> None:
    for _ in range(2):
        response = await served.http.post("/v1/models/fraud:feedback", json=ROW)
        assert response.json()["duplicates"] == 0

    assert len(await _logged(stack)) == 2


async def test_one_event_id_with_another_label_is_refused(stack: Any, served: Any) -> None:
    await served.http.post("/v1/models/fraud:feedback", json={"event_id": "e1", **ROW})

    other = await served.http.post(
        "/v1/models/fraud:feedback", json={"event_id": "e1", **ROW, "label": False}
    )

    assert other.status_code == 422
    assert "e1" in other.json()["error"] or "event_id" in other.json()["error"]


async def test_a_single_invalid_entry_is_422_and_names_the_field(served: Any) -> None:
    response = await served.http.post("/v1/models/fraud:feedback", json={"id": "x", "label": True})

    assert response.status_code == 422
    assert response.json()["field"] == "features"


async def test_with_the_log_away_feedback_is_503_with_retry_after_and_never_accepted(
    stack: Any, specs: dict[str, str]
) -> None:
    await stack.client.register_model(specs["fraud"])
    served = await stack.serving(log_deadline_s=0.5)
    while (await served.http.get("/v1/models/fraud")).status_code != 200:
        pass
    await stack.stop_server()

    away = await served.http.post("/v1/models/fraud:feedback", json={"id": "p1", **ROW})
    await stack.start_server_again()
    before = await _logged(stack)
    refused = 0
    while (
        back := await served.http.post("/v1/models/fraud:feedback", json={"id": "p1", **ROW})
    ).status_code == 503:
        refused += 1

    assert before == []
    assert away.status_code == 503
    assert away.headers["retry-after"] == "1"
    assert back.json() | {"duplicates": 0} == {"accepted": 1, "duplicates": 0, "rejected": []}
    # One whose answer came too late may be in the log all the same; the one before the restart is not.
    assert back.json()["duplicates"] <= refused
    assert len(await _logged(stack)) == 1


async def test_many_small_requests_at_once_are_all_acknowledged_once(stack: Any, served: Any) -> None:
    import asyncio

    responses = await asyncio.gather(
        *[served.http.post("/v1/models/fraud:feedback", json={"id": f"p{n}", **ROW}) for n in range(200)]
    )

    assert [r.status_code for r in responses] == [202] * 200
    ids = [example["prediction_id"] for example in await _logged(stack)]
    assert sorted(ids) == sorted(f"p{n}" for n in range(200))
