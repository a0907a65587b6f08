"""docs/errors.md as data: sections of rows, each what was really answered to one wrong input."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

INTRODUCTION = """# What wrong input answers

Every row was shown by the test that wrote this page, `tests/integration/test_errors_table.py`; the test
fails when an answer changes. To write the page anew:

    WRITE_ERRORS=1 .venv/bin/python -m pytest tests/integration/test_errors_table.py
"""

_VOLATILE = [
    (re.compile(r"\b[0-9a-f]{32,64}\b"), "…"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
    (re.compile(r"(/[\w.-]+)*/pytest-[\w/.-]+"), "PATH"),
]


@dataclass(frozen=True, slots=True)
class Row:
    """`wrong` is what was sent to `surface` (a route, call, key or verb); `answer` what came back."""

    surface: str
    wrong: str
    answer: str


@dataclass(frozen=True, slots=True)
class Section:
    """Rows of one kind, under a title and a sentence or two."""

    title: str
    words: str
    rows: Sequence[Row]


def page(sections: Iterable[Section]) -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *[_section(section) for section in sections]])


def _section(section: Section) -> str:
    lines = [
        f"## {section.title}",
        "",
        section.words,
        "",
        "| where | what is wrong | answer |",
        "| --- | --- | --- |",
    ]
    lines += [f"| {_cell(r.surface)} | {_words(r.wrong)} | {_cell(r.answer)} |" for r in section.rows]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    for pattern, instead in _VOLATILE:
        text = pattern.sub(instead, text)
    text = text if len(text) <= 400 else text[:400] + "…"
    return f"`{_words(text).replace('`', chr(39))}`"


def _words(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
