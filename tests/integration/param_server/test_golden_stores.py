"""What a released program wrote, the present one reads, and answers as it was answered then."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.golden import golden_store

STORES = sorted(path.parent for path in golden_store.FOLDER.glob(f"store-*/{golden_store.ANSWERS}"))


@pytest.mark.parametrize("store", STORES, ids=lambda path: str(path.name))
async def test_a_store_of_each_released_form_opens_and_answers_as_it_did(store: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(store / golden_store.DATA, data)
    expected = json.loads((store / golden_store.ANSWERS).read_text())

    for _ in range(2):
        async with golden_store.opened(data) as stack:
            assert await golden_store.answers(stack) == expected
            assert stack.running.server.store_id == (store / golden_store.DATA / "store_id").read_text()


def test_the_first_released_form_is_among_them() -> None:
    assert "store-1" in {path.name for path in STORES}
