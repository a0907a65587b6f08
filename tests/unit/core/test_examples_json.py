"""Examples in the log come back exactly, and everything else in there is refused by field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riverrun.core.errors import InvalidInput
from riverrun.core.events import Example
from riverrun.core.examples_json import decode_example, encode_example
from riverrun.core.spec import parse_spec

SPEC = parse_spec("{name: a, task: regression, model: linear_model.LinearRegression}")

values = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.text(st.characters(codec="utf-8"), max_size=20),
)


@given(
    features=st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=10), values, max_size=8),
    label=st.floats(allow_nan=False, allow_infinity=False),
    weight=st.floats(min_value=0, max_value=1e300),
    prediction_id=st.text(st.characters(codec="utf-8"), max_size=20),
)
def test_an_example_comes_back_exactly(
    features: dict[str, float], label: float, weight: float, prediction_id: str
) -> None:
    example = Example(features, label, weight, prediction_id)

    back = decode_example(encode_example(example), SPEC)

    assert back == example
    assert {k: type(v) for k, v in back.features.items()} == {k: type(v) for k, v in features.items()}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", ""),
        (b"{", ""),
        (b"[]", ""),
        (b"null", ""),
        (b"\xff\xfe", ""),
        (b"{}", "features"),
        (b'{"features": {}}', "label"),
        (b'{"features": 1, "label": 1}', "features"),
        (b'{"features": {"a": [1]}, "label": 1}', "features.a"),
        (b'{"features": {"a": 1}, "label": "x"}', "label"),
        (b'{"features": {"a": 1}, "label": null}', "label"),
        (b'{"features": {}, "label": 1, "weight": -1}', "weight"),
        (b'{"features": {}, "label": 1, "weight": "1"}', "weight"),
        (b'{"features": {}, "label": 1, "prediction_id": 3}', "prediction_id"),
        (b'{"features": {}, "label": 1, "lable": 1}', "lable"),
        (b'{"features": {"a": NaN}, "label": 1}', ""),
        (b'{"features": {"a": 1e999}, "label": 1}', ""),
        (b'{"features": {"a": ' + b"[" * 5000 + b"]" * 5000 + b'}, "label": 1}', ""),
        (b" " * ((16 << 20) + 1), ""),
    ],
)
def test_a_malformed_body_is_refused_by_field(body: bytes, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        decode_example(body, SPEC)

    assert refused.value.field == field
