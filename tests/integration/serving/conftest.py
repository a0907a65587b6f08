"""A real parameter server, and the specs of models to serve from it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.integration.serving.serving_stack import CLICKS, FRAUD, HOUSES, Stack

ROWS = [
    ({"age": 20 + i % 50, "country": ["nl", "fr", "pt"][i % 3]}, ["a", "b", "c"][i % 3]) for i in range(60)
]


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


@pytest.fixture
async def clicks(stack: Any, specs: dict[str, str]) -> tuple[Any, Any]:
    """Serving that answers with version 2 of `clicks`, and its trainer."""
    trainer = await stack.trainer(specs["clicks"])
    await trainer.push()
    await trainer.push(ROWS)
    served = await stack.serving()
    await served.reaches("clicks", 2)
    return served, trainer


@pytest.fixture
async def fraud(stack: Any, specs: dict[str, str]) -> tuple[Any, Any]:
    """Serving that answers with a version of `fraud`, whose features are all numbers."""
    trainer = await stack.trainer(specs["fraud"])
    await trainer.push([({"amount": float(i), "hour": float(i % 24)}, i % 3 == 0) for i in range(40)])
    served = await stack.serving()
    await served.reaches("fraud", 1)
    return served, trainer
