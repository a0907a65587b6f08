"""Our errors as HTTP statuses: one table, and the Open Inference Protocol's words for the same."""

from __future__ import annotations

import msgspec
import structlog

from riverrun.core import errors
from riverrun.rpc.access.http_guard import Refused
from riverrun_serving.rest_edge.exchange import Reply

log = structlog.get_logger()


class BodyTooLarge(errors.Exhausted):
    """The request's body is over the limit; what came of it was not kept."""


class NoSuchRoute(errors.NotFound):
    """Nothing is served at this path."""

    def __init__(self, path: str) -> None:
        super().__init__("route", path[:128], "what /docs lists")


class MethodNotAllowed(errors.InvalidInput):
    """The path takes other methods: `allowed`."""

    def __init__(self, method: str, allowed: str) -> None:
        super().__init__("method", f"expected {allowed}, got {method[:16]}")
        self.allowed = allowed


STATUSES: dict[type[errors.RiverrunError], int] = {
    errors.InvalidInput: 422,
    errors.InvalidSpec: 422,
    MethodNotAllowed: 405,
    errors.NotFound: 404,
    NoSuchRoute: 404,
    errors.AlreadyExists: 409,
    errors.StaleBase: 409,
    errors.Fenced: 409,
    errors.DigestMismatch: 500,
    errors.WrongStore: 503,
    errors.NotReady: 503,
    errors.Exhausted: 507,
    BodyTooLarge: 413,
    errors.DeadlineExceeded: 504,
    errors.Unavailable: 503,
    errors.Unauthenticated: 401,
    errors.PermissionDenied: 403,
    errors.ReadOnly: 409,
}

# The protocol's clients know 400 for whatever is wrong with a request.
INFERENCE_STATUSES = STATUSES | {errors.InvalidInput: 400}

RETRY_AFTER = ((b"retry-after", b"1"),)


def native_error(error: Exception) -> Reply:
    """``{"error", "reason"}`` and the error's facts, such as ``field`` and ``expected``, with its status."""
    status, text = _seen(error, STATUSES)
    body = {"error": text, "reason": errors.RiverrunError.reason}
    if isinstance(error, errors.RiverrunError):
        body |= error.facts() | {"reason": error.reason}
    return Reply(msgspec.json.encode(body), status, _headers(error, status))


def inference_error(error: Exception) -> Reply:
    """``{"error": string}`` and nothing else, as the protocol's clients want it."""
    status, text = _seen(error, INFERENCE_STATUSES)
    return Reply(msgspec.json.encode({"error": text}), status, _headers(error, status))


def refused(path: str, error: errors.RiverrunError) -> Refused:
    """What the gate answers in place of the edge, in the words of the protocol that `path` is of."""
    inference = path == "/v2" or path.startswith("/v2/")
    reply = inference_error(error) if inference else native_error(error)
    return Refused(reply.status, reply.body, reply.headers)


def _seen(error: Exception, statuses: dict[type[errors.RiverrunError], int]) -> tuple[int, str]:
    if isinstance(error, errors.RiverrunError):
        return statuses[type(error)], str(error)
    log.error("a request failed by an error of ours", exc_info=error)
    return 500, "internal error"


def _headers(error: Exception, status: int) -> tuple[tuple[bytes, bytes], ...]:
    if isinstance(error, MethodNotAllowed):
        return ((b"allow", error.allowed.encode()),)
    if status == 401:
        return ((b"www-authenticate", b'Bearer realm="riverrun"'),)
    return RETRY_AFTER if status == 503 else ()
