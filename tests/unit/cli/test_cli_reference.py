"""docs/reference/cli.md says what the help texts say. WRITE_REFERENCE=1 writes it anew."""

from __future__ import annotations

import os
from pathlib import Path

from tests.unit.cli.cli_reference import reference

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "cli.md"
COMMAND = "WRITE_REFERENCE=1 .venv/bin/python -m pytest tests/unit/cli/test_cli_reference.py"


def test_the_reference_is_what_the_help_says() -> None:
    shown = reference()

    if os.environ.get("WRITE_REFERENCE"):
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(shown)

    committed = PAGE.read_text() if PAGE.exists() else ""
    assert committed == shown, f"docs/reference/cli.md is not what the help says; to write it anew: {COMMAND}"
