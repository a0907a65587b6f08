"""Cells as a spec types them; what is wrong names the row and the column."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from riverrun.cli.replay.columns import Columns, ReplayRow, typed_rows
from riverrun.core.errors import InvalidInput
from riverrun.core.spec import parse_spec

SPEC = parse_spec(
    """\
name: m
task: binary
model: [linear_model.LogisticRegression]
features: {f: float, i: int, b: bool, c: category, t: text}
"""
)
UNTYPED = parse_spec("name: m\ntask: binary\nmodel: [linear_model.LogisticRegression]\n")
REGRESSION = parse_spec("name: m\ntask: regression\nmodel: [linear_model.LinearRegression]\n")
CLASSES = parse_spec("name: m\ntask: multiclass\nmodel: [naive_bayes.GaussianNB]\n")


def only(cells: dict[str, Any], columns: Columns, spec: Any = SPEC) -> ReplayRow:
    [row] = typed_rows([cells], columns, spec)
    return row


def test_text_cells_become_what_the_spec_says() -> None:
    cells = {"f": "1", "i": "9007199254740993", "b": "yes", "c": "7", "t": "words", "y": "1", "more": "x"}

    row = only(cells, Columns("y"))

    assert row.features == {"f": 1.0, "i": 9007199254740993, "b": True, "c": "7", "t": "words"}
    assert row.label is True


def test_cells_that_are_values_keep_their_meaning() -> None:
    cells = {"f": 1.5, "i": 3, "b": False, "c": 7, "t": datetime.date(2013, 1, 2), "y": 0}

    row = only(cells, Columns("y"))

    assert row.features == {"f": 1.5, "i": 3, "b": False, "c": "7", "t": "2013-01-02"}
    assert row.label is False


@pytest.mark.parametrize("cell", ["", "NA", "nan", "null", "None", None, float("nan")])
def test_missing_cells_are_left_out_and_a_missing_label_is_never_told(cell: Any) -> None:
    row = only({"f": cell, "i": "1", "y": cell}, Columns("y"))

    assert row.features == {"i": 1}
    assert row.label is None


def test_without_a_schema_cells_are_what_they_look_like() -> None:
    row = only({"a": "1", "b": "1.5", "c": "red", "y": "0"}, Columns("y"), UNTYPED)

    assert row.features == {"a": 1, "b": 1.5, "c": "red"}


def test_labels_are_those_of_the_task() -> None:
    assert only({"x": "1", "y": "2.5"}, Columns("y"), REGRESSION).label == 2.5
    assert only({"x": "1", "y": "path"}, Columns("y"), CLASSES).label == "path"
    assert only({"x": "1", "y": 3}, Columns("y"), CLASSES).label == "3"


def test_only_the_columns_that_are_named_are_features() -> None:
    assert only({"f": "1", "i": "2", "y": "1"}, Columns("y", features=("i",))).features == {"i": 2}


def test_times_say_when_it_is_predicted_and_known() -> None:
    cells = {"f": 1, "y": 1, "at": "1970-01-01T00:01:40Z", "known": "1970-01-01T01:01:40+01:00"}

    assert only(cells, Columns("y", time="at")).known_at == 100
    assert only(cells, Columns("y", time="at", delay_s=60)).known_at == 160
    assert only(cells, Columns("y", time="at", label_time="known")).known_at == 100
    assert only(cells | {"at": "40"}, Columns("y", time="at", label_time="known")).known_at == 100
    assert only(cells | {"at": 40.5}, Columns("y", time="at")).at == 40.5


def test_without_a_time_rows_come_one_after_another() -> None:
    rows = list(typed_rows([{"f": 1, "y": 1}] * 3, Columns("y", row_s=0.5, delay_s=2), SPEC))

    assert [row.at for row in rows] == [0.5, 1.0, 1.5]
    assert [row.known_at for row in rows] == [2.5, 3.0, 3.5]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"f": "abc", "y": "1"}, "row 1, f: expected a number, got 'abc'"),
        ({"i": "1.5", "y": "1"}, "row 1, i: expected a whole number"),
        ({"b": "2", "y": "1"}, "row 1, b: expected true or false"),
        ({"f": "inf", "y": "1"}, "row 1, f: expected a finite number"),
        ({"f": "1", "y": "maybe"}, "row 1, y: expected true or false"),
    ],
)
def test_a_wrong_cell_is_named(cells: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput) as found:
        only(cells, Columns("y"))

    assert said in str(found.value)


@pytest.mark.parametrize(
    ("columns", "option"),
    [
        (Columns("z"), "--label"),
        (Columns("y", time="z"), "--time"),
        (Columns("y", time="f", label_time="z"), "--label-time"),
        (Columns("y", id="z"), "--id"),
        (Columns("y", features=("z",)), "--features"),
    ],
)
def test_a_column_that_is_not_there_is_named_with_those_that_are(columns: Columns, option: str) -> None:
    with pytest.raises(InvalidInput, match=f"{option}: no column 'z'; columns: f, y"):
        only({"f": 1, "y": 1}, columns)


def test_a_table_without_any_feature_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no column is a feature of m: f, i, b, c, t"):
        only({"other": 1, "y": 1}, Columns("y"))


def test_time_that_goes_back_is_refused() -> None:
    rows = [{"f": 1, "y": 1, "at": 2}, {"f": 1, "y": 1, "at": 1}]

    with pytest.raises(InvalidInput, match="row 2, at: time goes back"):
        list(typed_rows(rows, Columns("y", time="at"), SPEC))


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match="row 1, at: expected a time such as"):
        only({"f": 1, "y": 1, "at": "soon"}, Columns("y", time="at"))
