"""Every error that riverrun raises on purpose.

::

    RiverrunError
    ├── InvalidInput            what the caller sent is wrong; names the field and what was expected
    │   └── InvalidSpec         a model spec is wrong; names the key and, where known, the line
    ├── NotFound                a model, version, channel, line or reader that is not there
    ├── AlreadyExists           a name that is taken by something else
    ├── StaleBase               a change goes out from a state that is not the newest any more: rebase
    ├── Fenced                  a newer epoch, or another line, took over: stop for good
    ├── DigestMismatch          bytes are not what their digest says: never use them
    ├── WrongStore              the store that answers has lost, or never had, the caller's history
    ├── NotReady                nothing to answer with yet, or too stale to answer: try again later
    ├── Exhausted               a limit is reached (size, disk, queue); names the limit
    ├── DeadlineExceeded        the caller does not wait any longer: nothing was computed
    ├── Unavailable             the other side cannot be reached in time: try again
    ├── Unauthenticated         the call carries no token, or one that is not good; names what was expected
    ├── PermissionDenied        the caller is known, and may not do this; names the roles that may
    └── ReadOnly                this process takes no writes; names the one that does

Errors carry facts, not status codes: `riverrun.rpc.errors` maps them to gRPC, the serving edge to HTTP.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar


class RiverrunError(Exception):
    """Base of all errors raised on purpose; ``str(error)`` is safe to show to a caller.

    `reason` is the stable word that travels over the wire; `facts()` are the values that travel with it.
    """

    reason: ClassVar[str] = "INTERNAL"

    def facts(self) -> dict[str, str]:
        """The error's fields as text, enough to build an equal error on the other side."""
        return {key: str(value) for key, value in vars(self).items() if value is not None}


class InvalidInput(RiverrunError):
    """What the caller sent is wrong. `field` is a path such as ``features.distance``."""

    reason = "INVALID_INPUT"

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: {expected}" if field else expected)
        self.field = field
        self.expected = expected


class InvalidSpec(InvalidInput):
    """A model spec is wrong. `line` is the 1-based line of the YAML source, None where unknown."""

    reason = "INVALID_SPEC"

    def __init__(self, field: str, expected: str, line: int | None = None) -> None:
        super().__init__(field, expected)
        self.line = None if line is None else int(line)

    def __str__(self) -> str:
        return super().__str__() if self.line is None else f"line {self.line}: {super().__str__()}"


class NotFound(RiverrunError):
    """`kind` (model, version, channel, line …) called `name` is not there; `known` lists what is."""

    reason = "NOT_FOUND"

    def __init__(self, kind: str, name: str, known: str | None = None) -> None:
        super().__init__(f"no {kind} {name!r}" + (f"; there is: {known}" if known else ""))
        self.kind = kind
        self.name = name
        self.known = known


class AlreadyExists(RiverrunError):
    """`kind` called `name` exists and is something else."""

    reason = "ALREADY_EXISTS"

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind} {name!r} exists already")
        self.kind = kind
        self.name = name


class StaleBase(RiverrunError):
    """A change said it goes out from `given`, but `current` is the newest. Look again, and repeat it.

    `what` is counted: the line's "version" for a push, a model's "spec revision" or a channel's "generation".
    """

    reason = "STALE_BASE"

    def __init__(self, current: int | str, given: int | str, what: str = "version") -> None:
        newest = {
            "version": "the line's head is",
            "spec revision": "the model's spec is at",
            "generation": "the channel is at",
        }.get(what, "the newest is")
        super().__init__(f"base {what} {given} is stale: {newest} {current}")
        self.current = int(current)
        self.given = int(given)
        self.what = what


class Fenced(RiverrunError):
    """Epoch `given` may not push any more: `current` is newer. `line` is where to go on, if anywhere."""

    reason = "FENCED"

    def __init__(self, current: int | str, given: int | str, line: int | str | None = None) -> None:
        goes_on = "" if line is None else f"; learning goes on in line {line}"
        super().__init__(f"epoch {given} is fenced by epoch {current}{goes_on}")
        self.current = int(current)
        self.given = int(given)
        self.line = None if line is None else int(line)


class DigestMismatch(RiverrunError):
    """Bytes do not have the digest that was promised for `what`."""

    reason = "DIGEST_MISMATCH"

    def __init__(self, what: str, expected: str, found: str) -> None:
        super().__init__(f"{what}: digest is {found}, expected {expected}")
        self.what = what
        self.expected = expected
        self.found = found


class WrongStore(RiverrunError):
    """The answering store is `current`; the caller's history is of `given`. Start again from a pull."""

    reason = "WRONG_STORE"

    def __init__(self, current: str, given: str) -> None:
        super().__init__(f"store {given} is gone: this is store {current}")
        self.current = current
        self.given = given


class NotReady(RiverrunError):
    """There is nothing to answer with yet, or it is too stale to be used."""

    reason = "NOT_READY"

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")
        self.what = what
        self.why = why


class Exhausted(RiverrunError):
    """`limit` is a size, count or disk bound that this call would break."""

    reason = "EXHAUSTED"

    def __init__(self, what: str, limit: str) -> None:
        super().__init__(f"{what}: over the limit of {limit}")
        self.what = what
        self.limit = limit


class DeadlineExceeded(RiverrunError):
    """`what` was not begun, or not finished, within the `limit_s` seconds that its caller gave it."""

    reason = "DEADLINE_EXCEEDED"

    def __init__(self, what: str, limit_s: float | str) -> None:
        super().__init__(f"{what}: not answered within {float(limit_s):g} s")
        self.what = what
        self.limit_s = float(limit_s)


class Unavailable(RiverrunError):
    """`what` could not be reached in time; the call may be repeated."""

    reason = "UNAVAILABLE"

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what} is unavailable: {why}")
        self.what = what
        self.why = why


class Unauthenticated(RiverrunError):
    """The call carries no token, or one that is not good: `problem` says which, `expected` what is."""

    reason = "UNAUTHENTICATED"

    def __init__(self, problem: str, expected: str) -> None:
        super().__init__(f"{problem}: expected {expected}")
        self.problem = problem
        self.expected = expected


class PermissionDenied(RiverrunError):
    """`caller` may not call `what`; `expected` names the roles that may."""

    reason = "PERMISSION_DENIED"

    def __init__(self, caller: str, what: str, expected: str) -> None:
        super().__init__(f"{caller} may not call {what}: expected {expected}")
        self.caller = caller
        self.what = what
        self.expected = expected


class ReadOnly(RiverrunError):
    """This process is a follower; `leader` takes the writes."""

    reason = "READ_ONLY"

    def __init__(self, leader: str) -> None:
        super().__init__(f"this is a read replica; write to {leader}")
        self.leader = leader


_BY_REASON: dict[str, type[RiverrunError]] = {
    kind.reason: kind
    for kind in (
        InvalidInput,
        InvalidSpec,
        NotFound,
        AlreadyExists,
        StaleBase,
        Fenced,
        DigestMismatch,
        WrongStore,
        NotReady,
        Exhausted,
        DeadlineExceeded,
        Unavailable,
        Unauthenticated,
        PermissionDenied,
        ReadOnly,
    )
}


def from_facts(reason: str, facts: Mapping[str, Any]) -> RiverrunError | None:
    """The error that another process said with its `reason` and `facts()`; None where they make none.

    Facts that the class does not know, from a newer process, are passed over.
    """
    kind = _BY_REASON.get(reason)
    if kind is None:
        return None
    wanted = inspect.signature(kind.__init__).parameters
    try:
        return kind(**{key: value for key, value in facts.items() if key in wanted})
    except (TypeError, ValueError):
        return None


def is_rust_panic(error: BaseException) -> bool:
    """Whether `error` is a panic of a library written in Rust, which arrives beside `Exception`."""
    return type(error).__name__ == "PanicException"
