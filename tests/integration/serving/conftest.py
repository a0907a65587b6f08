"""A real parameter server, and the specs of models to serve from it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from tests.integration.serving.serving_stack import CLICKS, FRAUD, HOUSES, Stack


@pytest.fixture(autouse=True)
def quiet_logs() -> Iterator[None]:
    """Only what somebody should look at, so that a failure can be read."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    yield
    structlog.reset_defaults()


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """A parameter server with nothing registered."""
    opened = Stack(tmp_path)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
def specs() -> dict[str, str]:
    """Specs of three River models, by name."""
    return {"fraud": FRAUD, "clicks": CLICKS, "houses": HOUSES}
