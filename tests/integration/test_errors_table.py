"""docs/errors.md: what wrong input answers, written by the calls themselves.

Sections are modules of `tests.integration.errors`, each with an async ``section(stack)``; add one there and
to `SECTIONS`. With WRITE_ERRORS=1 in the environment the page is written; else it is compared.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from riverrun_serving.grpc_edge import messages

from riverrun.api.events.v1 import events_pb2
from riverrun.api.experiments.v1 import experiments_pb2
from riverrun.api.params.v1 import params_pb2
from riverrun.api.retraining.v1 import retraining_pb2
from riverrun.core.spec import ModelSpec
from tests.integration.cli import error_rows as cli_errors
from tests.integration.errors import (
    access_errors,
    inference_grpc_errors,
    rest_errors,
    rpc_errors,
    spec_errors,
)
from tests.integration.errors.table import Section, page
from tests.integration.serving.serving_stack import Stack

PAGE = Path(__file__).resolve().parents[2] / "docs" / "errors.md"
SECTIONS = (rest_errors, inference_grpc_errors, rpc_errors, access_errors, cli_errors, spec_errors)
COMMAND = "WRITE_ERRORS=1 .venv/bin/python -m pytest tests/integration/test_errors_table.py"


# Every section starts services and makes some hundred calls.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module", autouse=True)
def quiet_logs() -> Iterator[None]:
    """Only what somebody should look at, so that a failure can be read."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def sections(quiet_logs: None, tmp_path_factory: pytest.TempPathFactory) -> list[Section]:
    """Every section, each from a stack of its own; made once for all tests."""
    return asyncio.run(_sections(tmp_path_factory.mktemp("sections")))


async def _sections(within: Path) -> list[Section]:
    shown = []
    for number, module in enumerate(SECTIONS):
        folder = within / str(number)
        folder.mkdir()
        stack = Stack(folder)
        await stack.open()
        try:
            shown.append(await module.section(stack))
        finally:
            await stack.close()
    return shown


async def test_the_page_says_what_is_really_answered(sections: list[Section]) -> None:
    shown = page(sections)

    if os.environ.get("WRITE_ERRORS"):
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(shown)

    committed = PAGE.read_text() if PAGE.exists() else ""
    assert committed == shown, f"docs/errors.md is not what is answered; to write it anew: {COMMAND}"


async def test_no_wrong_input_is_an_internal_error(sections: list[Section]) -> None:
    answers = [row for section in sections for row in section.rows]

    internal = [row for row in answers if row.answer.startswith(("500", "INTERNAL", "UNKNOWN"))]

    assert internal == []


async def test_every_route_call_and_spec_key_has_a_row(sections: list[Section], tmp_path: Path) -> None:
    surfaces = [row.surface for section in sections for row in section.rows]
    stack = Stack(tmp_path)
    await stack.open()
    try:
        served = await stack.serving()
        paths = (await served.http.get("/openapi.json")).json()["paths"]
    finally:
        await stack.close()
    calls = {
        f"{service.name}.{method.name}"
        for file in (params_pb2, experiments_pb2, retraining_pb2, events_pb2)
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        if method.name not in rpc_errors.NO_INPUT
    }
    inference = {method.name for method in messages.POOL.FindServiceByName(messages.SERVICE).methods}

    routes = {re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)): path for path in paths}
    unshown = [
        path
        for pattern, path in routes.items()
        if not any(re.fullmatch(rf"[A-Z]+ {pattern}(\?.*)?", surface) for surface in surfaces)
    ]

    assert unshown == []
    assert calls - set(surfaces) == set()
    assert inference - set(surfaces) == set()
    assert set(ModelSpec.model_fields) - {surface.partition(".")[0] for surface in surfaces} == set()
