"""Files and named data sets as rows."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest

from riverrun.cli.replay.datasets import DATASETS, carried_file
from riverrun.cli.replay.source import open_source
from riverrun.core.errors import InvalidInput, NotFound

ROWS = [{"a": "1", "b": "x"}, {"a": "2", "b": "y"}]


def test_csv_is_read_also_with_a_byte_order_mark_and_packed(tmp_path: Path) -> None:
    text = "\ufeffa,b\n1,x\n2,y\n"
    (tmp_path / "t.csv").write_text(text)
    with gzip.open(tmp_path / "t.csv.gz", "wt") as file:
        file.write(text)

    assert list(open_source(str(tmp_path / "t.csv")).rows()) == ROWS
    assert list(open_source(str(tmp_path / "t.csv.gz")).rows()) == ROWS


def test_a_column_without_a_name_is_a_column(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(",a\n0,x\n1,y\n")

    assert list(open_source(str(tmp_path / "t.csv")).rows()) == [{"": "0", "a": "x"}, {"": "1", "a": "y"}]


def test_ndjson_is_read_and_empty_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "t.ndjson"
    path.write_text('{"a": "1", "b": "x"}\n\n{"a": "2", "b": "y"}\n')

    assert list(open_source(str(path)).rows()) == ROWS


def test_parquet_is_read(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    polars.DataFrame(ROWS).write_parquet(tmp_path / "t.parquet")

    assert list(open_source(str(tmp_path / "t.parquet")).rows()) == ROWS


def test_parquet_without_polars_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    (tmp_path / "t.parquet").touch()
    monkeypatch.setitem(sys.modules, "polars", None)

    with pytest.raises(InvalidInput, match=r"pip install 'riverrun\[replay\]'"):
        list(open_source(str(tmp_path / "t.parquet")).rows())


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", "a,b\n1\n", "line 2: expected 2 cells"),
        ("t.csv", "a,b\n1,2,3\n", "line 2: expected 2 cells"),
        ("t.csv", 'a,b\n1,"2\n', "not CSV"),
        ("t.ndjson", '{"a": 1}\n{"a":\n', "line 2: not a JSON object"),
        ("t.ndjson", "[1]\n", "line 1: not a JSON object"),
        ("t.parquet", "nothing of the kind", "not Parquet"),
        ("t.xls", "", "expected a file that ends in .csv, .ndjson, .jsonl, .parquet"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content)

    with pytest.raises(InvalidInput) as found:
        list(open_source(str(tmp_path / name)).rows())

    assert said in str(found.value)


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"a,b\n\xff,1\n")

    with pytest.raises(InvalidInput, match="UTF-8"):
        list(open_source(str(tmp_path / "t.csv")).rows())


def test_an_unknown_name_lists_the_data_sets() -> None:
    with pytest.raises(InvalidInput, match="no file and no data set 'iris'; data sets: phishing, bananas"):
        open_source("iris")


@pytest.mark.parametrize(
    ("name", "count", "labels"),
    [
        ("phishing", 1250, {"0": 702, "1": 548}),
        ("bananas", 5300, {True: 2376, False: 2924}),
        ("image-segments", 2310, dict.fromkeys(("brickface", "sky", "foliage"), 330)),
        ("trump-approval", 1001, {}),
        ("chick-weights", 578, {}),
    ],
)
def test_a_named_data_set_is_whole(name: str, count: int, labels: dict[object, int]) -> None:
    dataset = DATASETS[name]
    rows = list(dataset.rows())

    assert len(rows) == count
    found = Counter(row[dataset.label] for row in rows)
    assert {label: found[label] for label in labels} == labels


def test_flights_know_their_label_when_they_have_landed() -> None:
    dataset = DATASETS["flights"]
    rows = dataset.rows()

    first = next(rows)

    assert first["time"].isoformat() == "2013-01-01T09:45:00+00:00"
    assert first["id"] == "0101-UA1545-EWR-515"
    assert first["landed"].isoformat() == "2013-01-01T14:30:00+00:00"
    assert first["late"] is False
    assert first["dest"] == "IAH"


def test_a_data_set_that_is_not_installed_says_what_brings_it() -> None:
    with pytest.raises(NotFound, match="pip install no-such-distribution"):
        carried_file("no-such-distribution", "x.csv")
