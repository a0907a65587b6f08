"""docs/errors.md: what wrong input answers, written by the calls themselves.

Sections are modules of `tests.integration.errors`, each with an async ``section(stack)``; add one there and
to `SECTIONS`. With WRITE_ERRORS=1 in the environment the page is written; else it is compared.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.integration.cli import error_rows as cli_errors
from tests.integration.errors import inference_grpc_errors, rest_errors
from tests.integration.errors.table import Section, page
from tests.integration.serving.serving_stack import Stack

PAGE = Path(__file__).resolve().parents[2] / "docs" / "errors.md"
SECTIONS = (rest_errors, inference_grpc_errors, cli_errors)
COMMAND = "WRITE_ERRORS=1 .venv/bin/python -m pytest tests/integration/test_errors_table.py"


@pytest.fixture(autouse=True)
def quiet_logs() -> Iterator[None]:
    """Only what somebody should look at, so that a failure can be read."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@pytest.fixture
async def sections(tmp_path: Path) -> list[Section]:
    """Every section, each from a stack of its own."""
    shown = []
    for number, module in enumerate(SECTIONS):
        folder = tmp_path / str(number)
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
