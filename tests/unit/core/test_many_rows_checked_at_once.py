"""Rows that are taken all at once are those that each check by itself takes as they are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riverrun.core.errors import InvalidInput
from riverrun.core.spec.features import FeatureSpec
from riverrun.core.spec.row_check import RowCheck

CHECK = RowCheck(
    {"a": FeatureSpec(type="float"), "b": FeatureSpec(type="float"), "c": FeatureSpec(type="int")}
)
VALUES = st.one_of(
    st.floats(), st.integers(), st.booleans(), st.none(), st.text(max_size=2), st.just(10**400), st.just([])
)
ROWS = st.lists(st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=3) | st.just([]), max_size=4)


def _taken_as_it_is(row: Any) -> bool:
    try:
        return CHECK(row) is row
    except InvalidInput:
        return False


@given(ROWS)
def test_all_at_once_means_each_by_itself(rows: list[Any]) -> None:
    if CHECK.takes_all(rows):
        assert all(_taken_as_it_is(row) for row in rows)


def test_usual_rows_are_taken_at_once() -> None:
    assert CHECK.takes_all([{"a": 1.5, "b": 2}] * 3)


@pytest.mark.parametrize(
    "row",
    [
        {"b": 2, "a": 1.5},
        {"a": 1.5},
        {"a": 1.5, "b": float("nan")},
        {"a": 1.5, "b": True},
        {"a": 1.5, "d": 1.0},
    ],
)
def test_one_that_differs_leaves_them_to_be_checked_one_by_one(row: dict[str, Any]) -> None:
    assert not CHECK.takes_all([{"a": 1.5, "b": 2}, row])
