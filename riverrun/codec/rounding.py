"""Numbers in fewer bytes than they need: the rounded forms that a serving side may be sent in.

`bf16` keeps 8 significant bits of each number, rounded to the nearest: it is off by at most 2^-8 of itself
(0.4 %). `int8` keeps a scale for each block of up to 64 numbers and a whole number from -127 to 127 for
each: it is off by at most 1/250 of the largest magnitude of its block. Numbers too small for either, below
2^-126 and for int8 where all of a block are below 2^-119, are off by at most themselves.
`docs/reference/wire-format.md` describes every byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Precision = Literal["exact", "bf16", "int8"]
BF16, INT8 = 1, 2
FORMS = {"bf16": BF16, "int8": INT8}
BLOCK = 64
"""Numbers that share one scale in the form int8."""

LARGEST = 2.0**127
"""The largest magnitude that is rounded; no rounding takes it beyond what 32 bits hold."""

_BLOCK_BYTES = 4 + BLOCK
_CUT = np.uint64(45)
_HALF = np.uint64((1 << 44) - 1)
_KEPT = np.uint64(0xFFFF_FFFF_FFFF_FFFF - ((1 << 45) - 1))
_SMALLEST = np.finfo(np.float32).tiny


def rounded(lists: Sequence[Sequence[float]], form: int) -> list[bytes | None]:
    """Each list of numbers in `form`; None for one that holds a number that is not finite, or over `LARGEST`.

    A list is at most `BLOCK` long.
    """
    table = np.zeros((len(lists), max(map(len, lists), default=0)))
    for row, numbers in zip(table, lists, strict=True):
        row[: len(numbers)] = numbers
    cells = rounded_rows(table, form)
    ends = [length_of(len(numbers), form) for numbers in lists]
    return [None if cell is None else cell[:end] for cell, end in zip(cells, ends, strict=True)]


def rounded_rows(table: NDArray[np.float64], form: int) -> list[bytes | None]:
    """Each row of `table`, which has at most `BLOCK` columns, in `form`; None as for `rounded`."""
    fits = np.asarray((np.abs(table) <= LARGEST).all(axis=1))
    finite = np.where(fits[:, None], table, 0.0)
    cells: NDArray[Any] = _as_bf16(finite) if form == BF16 else _as_int8(finite)
    return [row.tobytes() if fit else None for row, fit in zip(cells, fits.tolist(), strict=True)]


def rounded_array(numbers: NDArray[Any], form: int) -> bytes | None:
    """A flat array in `form`, of any length; None as for `rounded`."""
    table = np.zeros((-(-numbers.size // BLOCK), BLOCK))
    table.reshape(-1)[: numbers.size] = numbers
    cells = rounded_rows(table, form)
    joined = b"".join(cell for cell in cells if cell is not None)
    return None if None in cells else joined[: length_of(numbers.size, form)]


def length_of(count: int, form: int) -> int:
    """The bytes that `count` numbers take. Raises `ValueError` for an unknown form."""
    if form == BF16:
        return 2 * count
    if form == INT8:
        return count + 4 * -(-count // BLOCK)
    raise ValueError("no rounded form has this number")


def restored(data: bytes, count: int, form: int) -> NDArray[np.float64]:
    """The `count` numbers that `data` holds. Raises `ValueError` where these are not so many, all finite."""
    if type(data) is not bytes or len(data) != length_of(count, form):
        raise ValueError("not as many rounded numbers as there should be")
    with np.errstate(invalid="ignore"):
        if form == BF16:
            words = np.frombuffer(data, "<u2").astype(np.uint32) << np.uint32(16)
            numbers = words.view(np.float32).astype(np.float64)
        else:
            padded = data.ljust(-(-count // BLOCK) * _BLOCK_BYTES, b"\0")
            cells = np.frombuffer(padded, _cell(BLOCK))
            scaled: NDArray[np.float64] = cells["scale"].astype(np.float64)[:, None] * cells["steps"]
            numbers = scaled.reshape(-1)[:count]
    # Rounding takes the largest a little further; never beyond what 32 bits hold, nor to what is no number.
    if not (np.abs(numbers) <= 1.5 * LARGEST).all():
        raise ValueError("no rounded number is so large, or none at all")
    return numbers


def _cell(width: int) -> np.dtype[np.void]:
    return np.dtype([("scale", "<f4"), ("steps", "i1", (width,))])


def _as_bf16(table: NDArray[np.float64]) -> NDArray[np.uint16]:
    # First to 8 bits as a 64-bit number, so that it is rounded once; then whatever is very small, again.
    bits = table.view(np.uint64)
    bits = (bits + _HALF + ((bits >> _CUT) & np.uint64(1))) & _KEPT
    words = bits.view(np.float64).astype(np.float32).view(np.uint32)
    upper: NDArray[np.uint16] = ((words + 0x7FFF + ((words >> 16) & 1)) >> 16).astype("<u2")
    return upper


def _as_int8(table: NDArray[np.float64]) -> NDArray[Any]:
    cells = np.zeros((len(table), 1), _cell(table.shape[1]))
    scales = (np.abs(table).max(axis=1, initial=0.0) / 127).astype(np.float32)
    scales[scales < _SMALLEST] = 0.0
    cells["scale"][:, 0] = scales
    usable = np.where(scales > 0, scales, np.float32(np.inf)).astype(np.float64)
    cells["steps"][:, 0] = np.clip(np.rint(table / usable[:, None]), -127, 127)
    return cells
