"""One line of JSON for each check of a client: its name, and what went wrong, if anything.

Scripts here run in environments of their own, without riverrun. They are called with the REST address, the
gRPC address and a file of what is expected.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REST, GRPC = sys.argv[1], sys.argv[2]
EXPECTED: dict[str, Any] = json.loads(Path(sys.argv[3]).read_text())

NUMBERS: list[list[float]] = EXPECTED["numbers"]["rows"]
"""Rows of the model `fraud`: amount and hour."""

AGES: list[int] = EXPECTED["categories"]["ages"]
COUNTRIES: list[str] = EXPECTED["categories"]["countries"]


@contextlib.contextmanager
def check(name: str) -> Iterator[None]:
    """Say whether the block ends without an exception."""
    try:
        yield
    except Exception as error:
        why = f"{type(error).__name__}: {error}"[:500]
    else:
        why = ""
    print(json.dumps({"check": name, "why": why}), flush=True)


def same(found: Any, expected: Any) -> None:
    """Raise unless the two are equal."""
    if found != expected:
        raise AssertionError(f"{found!r} is not {expected!r}")


def fails_with(text: str, kind: type[Exception], call: Any) -> None:
    """Raise unless `call` raises a `kind` that says `text`."""
    try:
        call()
    except kind as error:
        if text not in str(error):
            raise AssertionError(f"{error} does not say {text!r}") from error
        return
    raise AssertionError(f"no error where {text!r} was expected")
