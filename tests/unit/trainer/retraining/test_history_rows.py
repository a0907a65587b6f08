"""Users' own files that are not what they should be are named."""

from __future__ import annotations

from pathlib import Path

import pytest
from riverrun_trainer.retraining.history_rows import read_rows

from riverrun.core.errors import InvalidInput


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"PAR1" + bytes(20) + b"PAR1"])
def test_a_file_that_is_no_parquet_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "own.parquet"
    path.write_bytes(content)

    with pytest.raises(InvalidInput, match=r"own\.parquet cannot be read"):
        list(read_rows(str(path), 0))
