"""Where replayed rows come from: CSV, NDJSON and Parquet files, or a named data set."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import msgspec

from riverrun.cli.replay.datasets import DATASETS, Dataset
from riverrun.core.errors import InvalidInput

RawRow = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """Rows by column name, as they are written; `dataset` names columns where the source is a known one."""

    name: str
    rows: Callable[[], Iterator[RawRow]]
    dataset: Dataset | None = None


def open_source(name: str) -> Source:
    """The source called `name`: a data set's name, or a file by its ending (also with .gz).

    Raises `InvalidInput` when it is neither. Reading raises `InvalidInput` naming the line.
    """
    if name in DATASETS:
        dataset = DATASETS[name]
        return Source(name, dataset.rows, dataset)
    path = Path(name)
    if not path.is_file():
        raise InvalidInput("source", f"no file and no data set {name!r}; data sets: {', '.join(DATASETS)}")
    readers = {".csv": _csv, ".ndjson": _ndjson, ".jsonl": _ndjson, ".parquet": _parquet}
    ending = path.suffixes[-2] if path.suffix == ".gz" and len(path.suffixes) > 1 else path.suffix
    reader = readers.get(ending.lower())
    if reader is None:
        raise InvalidInput(
            "source", f"expected a file that ends in {', '.join(readers)}, also with .gz; got {path.name}"
        )
    return Source(name, lambda: reader(path))


def _csv(path: Path) -> Iterator[RawRow]:
    with _text(path) as file:
        table = csv.DictReader(file, strict=True)
        try:
            for row in table:
                if None in row or None in row.values():
                    raise InvalidInput(
                        f"{path}, line {table.line_num}", f"expected {len(table.fieldnames or ())} cells"
                    )
                yield row
        except csv.Error as error:
            raise InvalidInput(f"{path}, line {table.line_num}", f"not CSV: {error}") from error
        except UnicodeDecodeError as error:
            raise InvalidInput(str(path), "expected UTF-8 text") from error


def _ndjson(path: Path) -> Iterator[RawRow]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    with _binary(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                yield decoder.decode(line)
            except msgspec.DecodeError as error:
                raise InvalidInput(f"{path}, line {number}", f"not a JSON object: {error}") from error


def _parquet(path: Path) -> Iterator[RawRow]:
    try:
        import polars
    except ImportError as error:
        raise InvalidInput(
            "source", "reading Parquet needs polars: pip install 'riverrun[replay]'"
        ) from error
    try:
        # In slices, so that a file larger than memory can be replayed.
        lazy = polars.scan_parquet(path)
        size, start = 50_000, 0
        while (part := lazy.slice(start, size).collect()).height:
            yield from part.iter_rows(named=True)
            start += size
    except polars.exceptions.PolarsError as error:
        raise InvalidInput(str(path), f"not Parquet: {str(error).splitlines()[0][:200]}") from error


def _binary(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _text(path: Path) -> IO[str]:
    return io.TextIOWrapper(_binary(path), encoding="utf-8-sig", newline="")
