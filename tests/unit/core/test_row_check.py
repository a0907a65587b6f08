"""The short way to check a row says what the long way says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riverrun.core.errors import InvalidInput
from riverrun.core.spec import parse_spec
from riverrun.core.spec.features import check_features
from riverrun.core.spec.row_check import RowCheck

HEAD = "{name: a, task: binary, model: [linear_model.LogisticRegression], features: "
SCHEMAS = [
    parse_spec(HEAD + features + "}").features
    for features in (
        "{a: float, b: float, c: float}",
        "{a: float, b: {type: float, min: 0}, c: int}",
        "{a: float, b: {type: float, required: true}, c: category}",
    )
] + [None]

VALUES = st.one_of(
    st.floats(),
    st.integers(),
    st.booleans(),
    st.none(),
    st.text(max_size=3),
    st.lists(st.integers(), max_size=1),
    st.sampled_from([10**400, -(10**400), 1.7e308, -1.7e308]),
)


def _said(check: Any, *given_to_it: Any) -> Any:
    try:
        return dict(check(*given_to_it))
    except InvalidInput as error:
        return str(error)


@pytest.mark.parametrize("schema", SCHEMAS)
@given(st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), VALUES, max_size=4))
def test_both_ways_say_the_same(schema: Any, row: dict[str, Any]) -> None:
    assert repr(_said(RowCheck(schema), row)) == repr(_said(check_features, schema, row))


def test_what_is_no_object_is_refused() -> None:
    assert _said(RowCheck(SCHEMAS[0]), [1]).startswith("features: expected an object")
