"""Work that is cut in steps, so that whoever does it can do something else in between."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

Steps = Generator[None, None, T]
"""Takes a step at each ``next`` and returns its result after the last; `close` leaves the work undone."""


def finish(steps: Steps[T]) -> T:
    """Take all `steps`, one after the other; their result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
