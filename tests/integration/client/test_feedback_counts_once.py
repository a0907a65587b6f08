"""Feedback through the SDK: durable or an error, tried again while serving says so, counted once."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from starlette.responses import JSONResponse

from riverrun.client import AsyncClient, Rejected
from riverrun.client.serving_api import LOT_ENTRIES
from riverrun.core.errors import InvalidInput, NotFound, NotReady, Unavailable
from tests.integration.client.conftest import FakeServing
from tests.stacks import PATIENCE_S


def busy(after: str | None = "0") -> JSONResponse:
    headers = {} if after is None else {"retry-after": after}
    return JSONResponse({"error": "the event log is unavailable: no answer"}, 503, headers)


async def test_a_busy_log_is_asked_again_with_the_same_event_id(serving: FakeServing) -> None:
    serving.answers = [busy(), busy(None)]

    async with AsyncClient(serving=serving.url, timeout_s=PATIENCE_S) as client:
        answer = await client.feedback("m", True, features={"a": 1.0})

    assert answer.accepted == 1
    assert len(serving.asked) == 3
    entries = [asked[0] for _, asked in serving.asked]
    assert entries[0] == entries[1] == entries[2]
    assert len(entries[0]["event_id"]) == 32


async def test_retry_after_is_waited_for(serving: FakeServing) -> None:
    serving.answers = [busy("1")]
    begun = time.monotonic()

    async with AsyncClient(serving=serving.url, timeout_s=PATIENCE_S) as client:
        await client.feedback("m", True, features={"a": 1.0})

    assert time.monotonic() - begun >= 1


async def test_a_log_that_stays_away_is_an_error_in_the_end(serving: FakeServing) -> None:
    serving.answers = [busy() for _ in range(1000)]

    # On a machine that stands still the time may be over before it is asked again: then with more of it.
    for retry_s in (0.3, 3.0, 30.0):
        serving.asked.clear()
        async with AsyncClient(serving=serving.url, retry_s=retry_s, timeout_s=PATIENCE_S) as client:
            with pytest.raises(Unavailable, match="the event log is unavailable: no answer"):
                await client.feedback("m", True, features={"a": 1.0})
        if len(serving.asked) > 1:
            break

    assert len(serving.asked) > 1


async def test_an_answer_that_never_comes_is_asked_again(serving: FakeServing) -> None:
    serving.answers = [lambda: None]

    async with AsyncClient(serving=serving.url, timeout_s=0.3) as client:
        assert (await client.feedback("m", True, features={"a": 1.0})).accepted == 1

    assert serving.asked[0] == serving.asked[1]


async def test_serving_that_is_not_there_is_an_error_that_names_it() -> None:
    async with AsyncClient(serving="http://127.0.0.1:1", retry_s=0.2) as client:
        with pytest.raises(Unavailable, match=r"http://127\.0\.0\.1:1"):
            await client.feedback("m", True, features={"a": 1.0})


async def test_what_is_wrong_is_not_asked_again(serving: FakeServing) -> None:
    serving.answers = [
        JSONResponse(
            {"error": "no model 'm'", "reason": "NOT_FOUND", "kind": "model", "name": "m", "known": "fraud"},
            404,
        )
    ]

    async with AsyncClient(serving=serving.url, timeout_s=PATIENCE_S) as client:
        with pytest.raises(NotFound, match="there is: fraud"):
            await client.feedback("m", True, features={"a": 1.0})

    assert len(serving.asked) == 1


async def test_an_id_of_the_callers_own_is_left_to_judge_duplicates(serving: FakeServing) -> None:
    async with AsyncClient(serving=serving.url, timeout_s=PATIENCE_S) as client:
        await client.feedback("m", True, features={"a": 1.0}, id="p1")
        await client.feedback("m", True, features={"a": 1.0}, event_id="e1")

    assert [asked[0] for _, asked in serving.asked] == [
        {"id": "p1", "features": {"a": 1.0}, "label": True},
        {"features": {"a": 1.0}, "label": True, "event_id": "e1"},
    ]


async def test_a_rejected_entry_is_an_error_for_one_and_listed_for_many(serving: FakeServing) -> None:
    refused = {"accepted": 0, "rejected": [{"index": 0, "error": "label: expected true or false"}]}
    serving.answers = [JSONResponse(refused, 202), JSONResponse(refused, 202)]

    async with AsyncClient(serving=serving.url, timeout_s=PATIENCE_S) as client:
        with pytest.raises(InvalidInput, match="label: expected true or false"):
            await client.feedback("m", "x", features={"a": 1.0})
        answer = await client.feedback_many("m", [{"label": "x", "features": {}}])

    assert answer.rejected == [Rejected(0, "label: expected true or false")]


async def test_many_entries_go_in_lots_and_rejections_count_from_the_first(serving: FakeServing) -> None:
    wrong = {"accepted": 1, "rejected": [{"index": 2, "error": "x"}]}
    serving.answers = [JSONResponse({"accepted": LOT_ENTRIES}, 202), JSONResponse(wrong, 202)]
    entries = [{"label": True, "features": {"n": n}, "id": str(n)} for n in range(LOT_ENTRIES + 3)]

    async with AsyncClient(serving=serving.url, timeout_s=PATIENCE_S) as client:
        answer = await client.feedback_many("m", iter(entries))

    assert [len(asked) for _, asked in serving.asked] == [LOT_ENTRIES, 3]
    assert [entry for _, asked in serving.asked for entry in asked] == entries
    assert answer.accepted == LOT_ENTRIES + 1
    assert answer.rejected == [Rejected(LOT_ENTRIES + 2, "x")]


async def test_large_entries_make_small_lots(serving: FakeServing) -> None:
    entries = [{"label": True, "features": {"text": "x" * 400_000}} for _ in range(5)]

    async with AsyncClient(serving=serving.url, timeout_s=PATIENCE_S) as client:
        assert (await client.feedback_many("m", entries)).accepted == 5

    assert [len(asked) for _, asked in serving.asked] == [2, 2, 1]


async def test_nothing_is_sent_for_nothing(serving: FakeServing) -> None:
    async with AsyncClient(serving=serving.url, timeout_s=PATIENCE_S) as client:
        assert (await client.feedback_many("m", [])).accepted == 0

    assert serving.asked == []


async def test_numbers_of_numpy_are_sent_as_numbers(serving: FakeServing) -> None:
    async with AsyncClient(serving=serving.url, timeout_s=PATIENCE_S) as client:
        await client.feedback("m", np.bool_(True), features={"a": np.float64(0.5), "b": np.int64(7)}, id="p")  # type: ignore[arg-type, dict-item]

    assert serving.asked[0][1] == [{"id": "p", "features": {"a": 0.5, "b": 7}, "label": True}]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
async def test_a_number_that_is_none_is_refused_before_it_is_sent(serving: FakeServing, value: float) -> None:
    async with AsyncClient(serving=serving.url, timeout_s=PATIENCE_S) as client:
        with pytest.raises(InvalidInput, match=r"features\.a: expected a finite number"):
            await client.predict("m", {"a": value})

    assert serving.asked == []


async def test_what_json_cannot_say_is_refused(serving: FakeServing) -> None:
    unsayable: Any = object()
    async with AsyncClient(serving=serving.url, timeout_s=PATIENCE_S) as client:
        with pytest.raises(InvalidInput, match="object is not JSON"):
            await client.predict("m", {"a": unsayable})


@pytest.mark.parametrize("model", ["", "a/b", "a b", "../x"])
async def test_a_name_that_is_no_model_is_refused(serving: FakeServing, model: str) -> None:
    async with AsyncClient(serving=serving.url, timeout_s=PATIENCE_S) as client:
        with pytest.raises(InvalidInput, match="model"):
            await client.predict(model, {})


async def test_predictions_are_not_asked_again_of_a_model_without_weights(serving: FakeServing) -> None:
    untrained = {
        "error": "model m: not trained yet",
        "reason": "NOT_READY",
        "what": "model m",
        "why": "not trained yet",
    }
    serving.answers = [JSONResponse(untrained, 503, {"retry-after": "1"})]

    async with AsyncClient(serving=serving.url, timeout_s=PATIENCE_S) as client:
        with pytest.raises(NotReady, match="model m: not trained yet"):
            await client.predict("m", {"a": 1.0})

    assert len(serving.asked) == 1


async def test_predictions_are_asked_three_times_of_serving_that_is_busy(serving: FakeServing) -> None:
    serving.answers = [JSONResponse({"error": "overloaded"}, 503) for _ in range(5)]

    async with AsyncClient(serving=serving.url, timeout_s=PATIENCE_S) as client:
        with pytest.raises(Unavailable, match="overloaded"):
            await client.predict("m", {"a": 1.0})

    assert len(serving.asked) == 3


async def test_something_else_than_riverrun_is_said_to_be(serving: FakeServing) -> None:
    serving.answers = [JSONResponse({"hello": "world"})]

    async with AsyncClient(serving=serving.url, timeout_s=PATIENCE_S) as client:
        with pytest.raises(Unavailable, match="answers something else than riverrun"):
            await client.predict("m", {"a": 1.0})
