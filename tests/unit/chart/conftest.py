from __future__ import annotations

import pytest

from tests.unit.chart.rendering import helm_path


@pytest.fixture(autouse=True)
def _helm() -> None:
    if not helm_path():
        pytest.skip("helm is not installed: make install unpacks it")
