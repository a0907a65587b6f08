"""Answers of serving as errors of ours: the same words, and the facts where they are said."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from riverrun.client.http_errors import TryLater, raise_for_status
from riverrun.core.errors import Exhausted, InvalidInput, NotFound, NotReady, RiverrunError, Unavailable


def response(status: int, body: Any, **headers: str) -> httpx2.Response:
    return httpx2.Response(status, json=body, headers=headers)


def body_of(error: RiverrunError) -> dict[str, str]:
    """As serving writes it."""
    return {"error": str(error), "reason": error.reason, **error.facts()}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, NotFound("model", "fraud", "late-flights, phishing")),
        (404, NotFound("model", "fraud")),
        (422, InvalidInput("features.a", "expected a number")),
        (413, Exhausted("the body", "4194304 bytes")),
        (507, Exhausted("the disk", "1 GiB")),
    ],
)
def test_an_error_comes_back_with_its_words_and_facts(status: int, error: RiverrunError) -> None:
    with pytest.raises(type(error)) as found:
        raise_for_status(response(status, body_of(error)))

    assert str(found.value) == str(error)
    assert found.value.facts() == error.facts()


@pytest.mark.parametrize(
    "body", [{"reason": "NOT_FOUND", "kind": "model"}, {"reason": "NEW"}, {"reason": "NOT_FOUND", "kind": 7}]
)
def test_facts_that_make_no_error_leave_it_to_the_status(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="gone fishing"):
        raise_for_status(response(404, {"error": "gone fishing", **body}))


@pytest.mark.parametrize(
    "error", [Unavailable("the event log", "no answer"), NotReady("model fraud", "not trained yet")]
)
def test_busy_says_when_to_try_again(error: RiverrunError) -> None:
    with pytest.raises(TryLater) as found:
        raise_for_status(response(503, body_of(error), **{"retry-after": "2"}))

    assert found.value.after_s == 2.0
    assert type(found.value.error) is type(error)
    assert str(found.value.error) == str(error)


@pytest.mark.parametrize("header", ["soon", "", "nan"])
def test_a_retry_after_that_is_no_number_is_passed_over(header: str) -> None:
    with pytest.raises(TryLater) as found:
        raise_for_status(response(503, {"error": "x: y"}, **{"retry-after": header}))

    assert found.value.after_s is None


def test_something_else_than_riverrun_is_told_by_its_status() -> None:
    with pytest.raises(InvalidInput, match="answered 418"):
        raise_for_status(httpx2.Response(418, content=b"<html>"))
    with pytest.raises(Unavailable, match="answered 500"):
        raise_for_status(httpx2.Response(500, content=b"\xff"))


def test_success_raises_nothing() -> None:
    raise_for_status(httpx2.Response(202))
