"""The one table from our errors to HTTP."""

from __future__ import annotations

import json

from riverrun_serving.rest_edge.statuses import INFERENCE_STATUSES, STATUSES, inference_error, native_error

from riverrun.core import errors


def _all(kind: type[errors.RiverrunError]) -> set[type[errors.RiverrunError]]:
    found = {kind}
    for child in kind.__subclasses__():
        found |= _all(child)
    return found


def test_every_error_has_a_status_in_both_tables() -> None:
    ours = {kind for kind in _all(errors.RiverrunError) if kind.__module__.startswith("riverrun")}
    missing = ours - {errors.RiverrunError} - STATUSES.keys()

    assert missing == set()
    assert INFERENCE_STATUSES.keys() == STATUSES.keys()


def test_an_error_that_is_not_ours_is_500_without_its_text() -> None:
    reply = native_error(ValueError("/secret/path"))

    assert reply.status == 500
    assert json.loads(reply.body) == {"error": "internal error", "reason": "INTERNAL"}


def test_an_error_says_its_reason_and_its_facts() -> None:
    wrong = json.loads(native_error(errors.InvalidInput("features.x", "expected a number")).body)
    missing = json.loads(native_error(errors.NotFound("model", "x", "y")).body)

    assert wrong == {
        "error": "features.x: expected a number",
        "reason": "INVALID_INPUT",
        "field": "features.x",
        "expected": "expected a number",
    }
    assert missing == {
        "error": "no model 'x'; there is: y",
        "reason": "NOT_FOUND",
        "kind": "model",
        "name": "x",
        "known": "y",
    }


def test_what_can_be_tried_again_says_when() -> None:
    for error in (errors.Unavailable("the event log", "gone"), errors.NotReady("model x", "not trained yet")):
        for reply in (native_error(error), inference_error(error)):
            assert reply.status == 503
            assert (b"retry-after", b"1") in reply.headers


def test_below_v2_an_error_is_its_text_alone_and_400_for_wrong_input() -> None:
    reply = inference_error(errors.InvalidInput("inputs.x", "expected FP64"))

    assert reply.status == 400
    assert json.loads(reply.body) == {"error": "inputs.x: expected FP64"}
