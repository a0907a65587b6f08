"""Wrong input to every verb is one line and a status; docs/errors.md shows which."""

from __future__ import annotations

from pathlib import Path

from tests.integration.cli import error_rows
from tests.integration.errors.table import page
from tests.integration.serving.serving_stack import Stack


async def test_every_wrong_input_is_told_in_one_line(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    await stack.open()
    try:
        shown = await error_rows.section(stack)
    finally:
        await stack.close()

    print(page([shown]))
    for row in shown.rows:
        status, _, said = row.answer.partition(": ")
        assert status in ("1", "2"), row
        assert said != "nothing", row
        assert "Traceback" not in said, row
        assert "internal" not in said, row
