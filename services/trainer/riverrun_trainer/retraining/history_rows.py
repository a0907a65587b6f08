"""Rows of users' own Parquet files as examples."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from arro3.io import read_parquet

from riverrun.core.errors import InvalidInput, is_rust_panic
from riverrun.core.events import Example
from riverrun.core.spec import ModelSpec
from riverrun.core.spec.features import finite_number

FIELD = "retrain.history.files"
WEIGHT = "weight"

BATCH_ROWS = 1_024
"""Rows that are decoded at once."""


def read_rows(name: str, skip: int) -> Iterator[Sequence[Mapping[str, Any]]]:
    """The rows of the file called `name` behind the first `skip`, some at a time, in order; blocks.

    `name` is a path, or a URL of an object store; a file of one is fetched whole. A cell that is empty is not
    in its row. Raises `InvalidInput` where it cannot be read.
    """
    try:
        for batch in read_parquet(_opened(name), batch_size=BATCH_ROWS):
            if skip >= batch.num_rows:
                skip -= batch.num_rows
                continue
            columns = [column.to_pylist()[skip:] for column in batch.columns]
            skip = 0
            names = batch.schema.names
            yield [
                {key: cell for key, cell in zip(names, cells, strict=True) if cell is not None}
                for cells in zip(*columns, strict=True)
            ]
    except InvalidInput:
        raise
    except BaseException as error:  # both libraries raise errors of their own, and plain ones
        # What is no Parquet makes arro3 panic.
        if not (isinstance(error, Exception) or is_rust_panic(error)):
            raise
        raise InvalidInput(FIELD, f"{name} cannot be read: {' '.join(str(error).split())[:300]}") from error


def example_of(row: Mapping[str, Any], spec: ModelSpec) -> Example:
    """`row` as an example, checked against the spec's features and label. Raises `InvalidInput`.

    Columns that the spec's features do not name are passed over; where it names none, all are features.
    """
    label = spec.retrain.history.label
    if label not in row:
        raise InvalidInput(label, "is required")
    weight = finite_number(WEIGHT, row.get(WEIGHT, 1.0))
    if weight < 0:
        raise InvalidInput(WEIGHT, f"expected 0 or more, got {weight}")
    if spec.features is not None:
        features = {name: row[name] for name in spec.features if name in row}
    else:
        features = {name: cell for name, cell in row.items() if name not in (label, WEIGHT)}
    return Example(spec.check_row(features), spec.check_label(row[label], label), float(weight))


def _opened(name: str) -> str | io.BytesIO:
    if "://" not in name:
        return name
    try:
        import obstore
        from obstore.store import from_url
    except ImportError as error:
        raise InvalidInput(FIELD, f"{name} needs obstore: pip install 'riverrun[objectstore]'") from error
    folder, _, file = name.rpartition("/")
    return io.BytesIO(obstore.get(from_url(folder), file).bytes())
