"""What the elements of a table are before anything was learned: the same on every machine, so never sent."""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIXES = ((np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)), (np.uint64(27), np.uint64(0x94D049BB133111EB)))
_CHUNK = 1 << 16
"""Elements that are filled at a time: what they take along the way stays in the cache."""


class Seeded(msgspec.Struct, array_like=True, frozen=True):
    """Evenly spread over [-`bound`, `bound`): element i follows from `seed` and i alone.

    It is output i of SplitMix64 seeded with `seed` (G. L. Steele, D. Lea and C. H. Flood, Fast Splittable
    Pseudorandom Number Generators, OOPSLA 2014, section 5). Its upper 24 bits less 2**23 are multiplied by
    ``bound / 2**23`` as a 32-bit float: whole numbers and one product, so equal to the last bit everywhere.
    """

    seed: Annotated[int, msgspec.Meta(ge=0)]
    bound: Annotated[float, msgspec.Meta(ge=0, le=2.0**100)]

    def elements(self, places: NDArray[np.uint64]) -> NDArray[np.float32]:
        """The elements at `places`, in the shape of `places`."""
        mixed = np.uint64(self.seed) + (places + np.uint64(1)) * _STEP
        for shift, factor in _MIXES:
            mixed = (mixed ^ (mixed >> shift)) * factor
        mixed ^= mixed >> np.uint64(31)
        whole = (mixed >> np.uint64(40)).astype(np.int32) - np.int32(1 << 23)
        return whole.astype(np.float32) * (np.float32(self.bound) / np.float32(1 << 23))


Start = Seeded | float
"""How all elements begin: each by its place, or all with one number."""


def elements_at(start: Start, places: NDArray[np.uint64]) -> NDArray[np.float32]:
    """What the elements at `places` are at the start."""
    if isinstance(start, Seeded):
        return start.elements(places)
    return np.full(places.shape, start, dtype=np.float32)


def fill(flat: NDArray[np.float32], start: Start) -> None:
    """Set all elements of a one-dimensional array to their start."""
    for first in range(0, len(flat), _CHUNK):
        places = np.arange(first, min(first + _CHUNK, len(flat)), dtype=np.uint64)
        flat[first : first + len(places)] = elements_at(start, places)
