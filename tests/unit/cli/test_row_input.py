"""Rows and labels as they are typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from riverrun.cli.row_input import parse_label, read_rows
from riverrun.core.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('{"a": 1}', {"a": 1}),
        ('{\n  "a": 1,\n  "b": 2\n}', {"a": 1, "b": 2}),
        ('[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
        ('{"a": 1}\n{"a": 2}\n', [{"a": 1}, {"a": 2}]),
        ('{"a": 1}\n\n{"a": 2}', [{"a": 1}, {"a": 2}]),
    ],
)
def test_rows_are_an_object_a_list_or_lines(text: str, rows: Any, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_text(text)

    assert read_rows(text, "--features") == rows
    assert read_rows(f"@{path}", "--features") == rows


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "--features: expected a JSON object, got nothing"),
        ("hello", "--features: not JSON"),
        ("7", "--features: expected a JSON object, a list of objects, or an object a line"),
        ("[]", "expected a JSON object"),
        ("[1]", "expected a JSON object"),
        ('{"a": 1}\n{"a":', "--features, line 2: not JSON"),
    ],
)
def test_what_is_no_row_is_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as found:
        read_rows(text, "--features")

    assert said in str(found.value)


@pytest.mark.parametrize(
    ("text", "label"),
    [("true", True), ("1", 1), ("1.5", 1.5), ("sky", "sky"), ('"3"', "3"), ("new york", "new york")],
)
def test_labels_are_what_they_look_like(text: str, label: object) -> None:
    found = parse_label(text)

    assert found == label
    assert type(found) is type(label)


def test_a_label_that_is_a_list_is_refused() -> None:
    with pytest.raises(InvalidInput, match="--label"):
        parse_label("[1]")
