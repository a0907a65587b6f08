"""Rounded numbers are off by no more than the page says, and what a form cannot hold is left exact."""

from __future__ import annotations

import math
import random
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riverrun.codec.rounded_marks import is_rounded
from riverrun.codec.rounding import (
    BF16,
    BLOCK,
    INT8,
    LARGEST,
    length_of,
    restored,
    rounded,
    rounded_array,
)

quick = settings(max_examples=150, deadline=None, derandomize=True, database=None)
SMALL = 2.0**-126
NUMBERS = st.floats(-1e38, 1e38) | st.floats(-1, 1) | st.floats(-1e-30, 1e-30) | st.just(-0.0)
LISTS = st.lists(NUMBERS, max_size=8)


def back(numbers: list[float], form: int) -> list[float]:
    (data,) = rounded([numbers], form)
    assert data is not None
    assert len(data) == length_of(len(numbers), form)
    listed: list[float] = restored(data, len(numbers), form).tolist()
    return listed


@quick
@given(numbers=LISTS)
def test_bf16_is_off_by_a_256th_at_most(numbers: list[float]) -> None:
    for number, read in zip(numbers, back(numbers, BF16), strict=True):
        assert abs(read - number) <= max(abs(number) / 256, 0.0 if abs(number) >= SMALL else abs(number))
        assert math.copysign(1, read) == math.copysign(1, number)


@quick
@given(number=st.floats(-1e30, 1e30).filter(lambda x: abs(x) > 1e-30))
def test_bf16_is_the_nearest_number_of_eight_bits_and_even_where_two_are(number: float) -> None:
    (read,) = back([number], BF16)

    mantissa, exponent = math.frexp(number)
    assert read == math.ldexp(round(mantissa * 256), exponent - 8)


@quick
@given(numbers=LISTS.filter(bool))
def test_int8_is_off_by_a_250th_of_the_largest_at_most(numbers: list[float]) -> None:
    largest = max(map(abs, numbers))

    for number, read in zip(numbers, back(numbers, INT8), strict=True):
        assert abs(read - number) <= (largest / 250 if largest >= 2.0**-119 else abs(number))


@pytest.mark.parametrize("form", [BF16, INT8])
@pytest.mark.parametrize("count", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 7])
def test_a_long_array_is_its_blocks_one_after_the_other(count: int, form: int) -> None:
    source = random.Random(count)
    numbers = [source.gauss(0, 10.0 ** source.randrange(-20, 20)) for _ in range(count)]

    data = rounded_array(np.array(numbers), form)

    assert data is not None
    blocks = [numbers[first : first + BLOCK] for first in range(0, len(numbers), BLOCK)]
    assert data == b"".join(cell or b"" for cell in rounded(blocks, form))
    assert restored(data, len(numbers), form).tolist() == [x for block in blocks for x in back(block, form)]


def test_bytes_are_as_the_page_says() -> None:
    assert rounded([[1.0, -2.0]], BF16) == [b"\x80\x3f\x00\xc0"]
    assert rounded([[127.0, -1.0, 0.4]], INT8) == [struct.pack("<fbbb", 1.0, 127, -1, 0)]


@pytest.mark.parametrize("form", [BF16, INT8])
@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, 1e300])
def test_numbers_that_no_form_holds_are_left_alone_with_their_list(form: int, odd: float) -> None:
    cells = rounded([[1.0], [odd, 1.0], [2.0]], form)

    assert cells[1] is None
    assert cells[::2] == [*rounded([[1.0]], form), *rounded([[2.0]], form)] != [None, None]
    assert rounded_array(np.array([1.0, odd]), form) is None


@pytest.mark.parametrize("form", [BF16, INT8])
def test_the_largest_that_is_rounded_comes_back_and_fits_32_bits(form: int) -> None:
    (cell,) = rounded([[LARGEST, 1.0]], form)

    assert cell is not None
    read = restored(cell, 2, form)
    assert abs(read[0] - LARGEST) <= LARGEST / 250
    assert np.isfinite(read.astype(np.float32)).all()
    assert rounded([[LARGEST * 1.01]], form) == [None]


def test_nothing_rounds_to_nothing() -> None:
    assert rounded([], BF16) == rounded([], INT8) == []
    assert rounded([[]], BF16) == [b""]
    assert restored(b"", 0, INT8).tolist() == []


@pytest.mark.parametrize(
    ("data", "count", "form"),
    [
        (b"", 1, BF16),
        (b"abc", 1, BF16),
        (b"abcd", 1, INT8),
        (b"", 0, 3),
        ("ab", 1, BF16),
        (b"\x80\x7f", 1, BF16),
        (b"\x01\0\xa0\x7f\x05", 1, INT8),
        (b"", 1 << 60, INT8),
    ],
)
def test_bytes_of_another_length_are_refused_before_anything_is_made(
    data: bytes, count: int, form: int
) -> None:
    with pytest.raises(ValueError, match=r"rounded"):
        restored(data, count, form)


def test_only_rounded_units_are_taken_for_rounded() -> None:
    assert is_rounded(b"\x92\x24\x94\x28\x01\x91\xa1a\xc4\x02\x80\x3f")
    assert not is_rounded(b"\x92\x24\x81\xa1a\xcb" + bytes(8))
    assert not is_rounded(b"")
