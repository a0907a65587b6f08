"""Our errors as gRPC statuses and back: one table, with the facts in google.rpc.ErrorInfo."""

from __future__ import annotations

from typing import Any

import grpc
import structlog
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from riverrun.core import errors

DOMAIN = "riverrun"

CODES: dict[type[errors.RiverrunError], grpc.StatusCode] = {
    errors.InvalidInput: grpc.StatusCode.INVALID_ARGUMENT,
    errors.InvalidSpec: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    errors.StaleBase: grpc.StatusCode.ABORTED,
    errors.Fenced: grpc.StatusCode.FAILED_PRECONDITION,
    errors.DigestMismatch: grpc.StatusCode.DATA_LOSS,
    errors.WrongStore: grpc.StatusCode.FAILED_PRECONDITION,
    errors.NotReady: grpc.StatusCode.UNAVAILABLE,
    errors.Exhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.DeadlineExceeded: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
    errors.Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    errors.PermissionDenied: grpc.StatusCode.PERMISSION_DENIED,
    errors.ReadOnly: grpc.StatusCode.FAILED_PRECONDITION,
}

log = structlog.get_logger()


def to_status(error: BaseException) -> Any:
    """`error` as a status for ``context.abort_with_status``; what is not ours is INTERNAL, unexplained."""
    if not isinstance(error, errors.RiverrunError):
        return rpc_status.to_status(status_pb2.Status(code=code_pb2.INTERNAL, message="internal error"))
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.facts())
    detail = any_pb2.Any()
    detail.Pack(info)
    code = CODES[type(error)].value[0]
    return rpc_status.to_status(status_pb2.Status(code=code, message=str(error), details=[detail]))


def code_of(error: BaseException) -> str:
    """The name of the status that callers are told of `error`."""
    code = CODES[type(error)] if isinstance(error, errors.RiverrunError) else grpc.StatusCode.INTERNAL
    return str(code.name)


async def abort(context: Any, error: BaseException) -> None:
    """End the call with `error`; one that is not ours is logged with its traceback and hidden."""
    _log_ours(error)
    await context.abort_with_status(to_status(error))


def told(error: BaseException) -> str:
    """The text that a caller is told of `error` where no status can be; logs as `abort` does."""
    _log_ours(error)
    return str(to_status(error).details)


def from_rpc_error(error: grpc.RpcError, peer: str) -> errors.RiverrunError:
    """The error that a call to `peer` failed with, as ours; what says nothing we know is `Unavailable`."""
    known = _from_details(error)
    if known is not None:
        return known
    code = error.code() if hasattr(error, "code") else grpc.StatusCode.UNKNOWN
    details = (error.details() if hasattr(error, "details") else "") or ""
    match code:
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return errors.Exhausted(peer, details)
        case grpc.StatusCode.INVALID_ARGUMENT:
            return errors.InvalidInput("", details)
        case _:
            return errors.Unavailable(peer, f"{code.name}: {details}"[:500])


def _from_details(error: grpc.RpcError) -> errors.RiverrunError | None:
    try:
        status = rpc_status.from_call(error)
    except (AttributeError, ValueError):
        return None
    for detail in status.details if status is not None else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info) and info.domain == DOMAIN:
            return errors.from_facts(info.reason, dict(info.metadata))
    return None


def _log_ours(error: BaseException) -> None:
    if not isinstance(error, errors.RiverrunError):
        log.error("a call failed by an error of ours", exc_info=error)
