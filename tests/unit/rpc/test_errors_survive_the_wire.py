"""Every error of ours keeps its class and facts over gRPC. Does not cover the HTTP table (serving's)."""

from __future__ import annotations

import inspect

import grpc
import pytest

from riverrun.core import errors
from riverrun.rpc.errors import CODES, from_rpc_error, to_status

EXAMPLES: dict[type[errors.RiverrunError], errors.RiverrunError] = {
    errors.InvalidInput: errors.InvalidInput("features.age", "expected a number"),
    errors.InvalidSpec: errors.InvalidSpec("publish.every", "expected a duration", 7),
    errors.NotFound: errors.NotFound("model", "fraud", "spam"),
    errors.AlreadyExists: errors.AlreadyExists("model", "fraud"),
    errors.StaleBase: errors.StaleBase(8, 7, "generation"),
    errors.Fenced: errors.Fenced(3, 2, 4),
    errors.DigestMismatch: errors.DigestMismatch("version 3", "aa", "bb"),
    errors.WrongStore: errors.WrongStore("new", "old"),
    errors.NotReady: errors.NotReady("model fraud", "not trained yet"),
    errors.Exhausted: errors.Exhausted("body", "4 MiB"),
    errors.DeadlineExceeded: errors.DeadlineExceeded("the prediction", 0.25),
    errors.Unavailable: errors.Unavailable("the log", "refused"),
    errors.Unauthenticated: errors.Unauthenticated("Push needs a token", "a key"),
    errors.PermissionDenied: errors.PermissionDenied("key bo (with role reader)", "Push", "role trainer"),
    errors.ReadOnly: errors.ReadOnly("127.0.0.1:8002"),
}


class FailedCall(grpc.RpcError):
    """What a client catches: the status that the server made."""

    def __init__(self, status: grpc.Status) -> None:
        self._status = status

    def code(self) -> grpc.StatusCode:
        return self._status.code

    def details(self) -> str:
        return self._status.details

    def trailing_metadata(self) -> object:
        return self._status.trailing_metadata


def all_errors() -> list[type[errors.RiverrunError]]:
    found = [c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__]
    return [c for c in found if c is not errors.RiverrunError]


def test_every_error_class_has_a_status_and_an_example() -> None:
    assert set(all_errors()) == set(CODES) == set(EXAMPLES)


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_error_comes_back_equal(kind: type[errors.RiverrunError]) -> None:
    sent = EXAMPLES[kind]

    back = from_rpc_error(FailedCall(to_status(sent)), "peer")

    assert type(back) is kind
    assert str(back) == str(sent)
    assert back.facts() == sent.facts()


def test_foreign_error_reaches_the_caller_without_its_text() -> None:
    status = to_status(ValueError("/secret/path"))

    assert status.code is grpc.StatusCode.INTERNAL
    assert "secret" not in status.details


def test_unknown_status_becomes_unavailable() -> None:
    back = from_rpc_error(FailedCall(to_status(ValueError("x"))), "the parameter server")

    assert isinstance(back, errors.Unavailable)
    assert "the parameter server" in str(back)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("version", "base version 7 is stale: the line's head is 8"),
        ("spec revision", "base spec revision 7 is stale: the model's spec is at 8"),
        ("generation", "base generation 7 is stale: the channel is at 8"),
    ],
)
def test_a_stale_base_says_what_is_stale(what: str, said: str) -> None:
    back = from_rpc_error(FailedCall(to_status(errors.StaleBase(8, 7, what))), "peer")

    assert str(back) == said
