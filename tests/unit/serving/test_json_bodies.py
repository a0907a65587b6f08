"""JSON bodies explained: the field is named, and what is no number is no number."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from riverrun_serving.rest_edge.json_body import decode

from riverrun.core.errors import InvalidInput


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """A body with one of each."""

    name: str
    sizes: list[int] = []
    more: dict[str, Any] = {}


DECODER = msgspec.json.Decoder(Body)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "body: expected JSON: got nothing"),
        (b"  ", "body: expected JSON: got nothing"),
        (b'{"name": "a"', "body: expected JSON: it ends too early"),
        (b'{"name": "\xff"}', "body: expected JSON: it is not UTF-8"),
        (b"[]", "body: expected an object, got a list"),
        (b"{}", "body: object missing required field 'name'"),
        (b'{"name": 7}', "name: expected a string, got a whole number"),
        (b'{"name": "a", "sizes": [1, "x"]}', "sizes.1: expected a whole number, got a string"),
        (b'{"name": "a", "colour": 1}', "colour: unknown key"),
        (b'{"name": "a", "more": {"b": [1, NaN]}}', "more.b.1: expected a finite number, got nan"),
        (b'{"name": "a", "more": {"b": -1e999}}', "more.b: expected a finite number, got -inf"),
        (b'{"name": "a", "more": {"b": ' + b"[" * 100_000, "body: is nested too deeply"),
    ],
)
def test_the_error_names_the_field_and_what_was_expected(body: bytes, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        decode(DECODER, body)

    assert str(refused.value) == said


def test_a_right_body_is_decoded() -> None:
    assert decode(DECODER, b'{"name": "a", "sizes": [1]}') == Body("a", [1])
