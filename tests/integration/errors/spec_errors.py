"""Wrong model specs: every key, from the table that the unit tests of specs go by."""

from __future__ import annotations

from riverrun.core.errors import InvalidSpec
from riverrun.core.spec import parse_spec
from tests.integration.errors.table import Row, Section
from tests.integration.serving.serving_stack import Stack
from tests.unit.core.test_spec_errors import HEAD, OK, TABLE

WORDS = (
    "The same wherever a spec comes from: `riverrun spec check`, `apply`, `up`, RegisterModel and the specs "
    "folder. Where the text begins with a right name, task and model, they are left out here."
)
LONGEST = 160
MORE = [(HEAD + OK + "learner: spark", "learner")]


async def section(_stack: Stack) -> Section:
    """What reading a spec answers to each of these."""
    rows = []
    for text, field in [*[(text, field) for text, field, _line, _reason in TABLE], *MORE]:
        try:
            parse_spec(text)
            answer = "taken"
        except InvalidSpec as error:
            answer = str(error)
        rows.append(Row(field, _short(text), answer))
    return Section("Model specs", WORDS, rows)


def _short(text: str) -> str:
    for known in (HEAD + OK, HEAD):
        text = text.removeprefix(known)
    # Line ends matter in YAML, and a table has none.
    shown = " ⏎ ".join(line for line in text.splitlines() if line.strip()) or "(nothing more)"
    return f"`{shown if len(shown) <= LONGEST else shown[:LONGEST] + '…'}`"
