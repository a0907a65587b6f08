"""What callers put into names and ids cannot break a line of the log, forge one, or flood it."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from riverrun.core.errors import NotFound
from riverrun.runtime.logs import MAX_FIELD, set_up_logs
from tests.unit.runtime.poison import POISON


@pytest.fixture(autouse=True)
def own_logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], _ = handlers, root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def logged(form: Literal["json", "console"], text: str) -> str:
    """What is written for a field, a list, an exception and a foreign logger's line that hold `text`."""
    written, terminal = io.StringIO(), sys.stderr
    sys.stderr = written
    try:
        set_up_logs("test", form=form)
        log = structlog.get_logger()
        log.info("a field", model=text, ids=[text, text], raw=text.encode("utf-8", "replace"))
        try:
            raise NotFound("model", text)
        except NotFound:
            log.exception("an error")
        logging.getLogger("foreign").warning("from a library: %s", text)
    finally:
        sys.stderr = terminal
    return written.getvalue()


def are_whole_lines(output: str) -> None:
    lines = output.splitlines() if "\u2028" not in output else output.split("\n")[:-1]
    found = [json.loads(line) for line in lines]
    assert [line["event"][:14] for line in found] == ["a field", "an error", "from a library"]
    for line in found:
        for key, value in line.items():
            assert len(json.dumps(value)) <= MAX_FIELD + 8, key


@pytest.mark.parametrize("text", POISON, ids=["lines", "terminal", "flood", "escapes"])
def test_poison_stays_one_line_of_json_with_bounded_fields(text: str) -> None:
    are_whole_lines(logged("json", text))


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example("\x1f\x1f\x1f\x1f\x07\U00010000\U00010000" * 40)
@given(st.text(max_size=200).map(lambda text: text * 40))
def test_any_text_stays_one_line_of_json(text: str) -> None:
    are_whole_lines(logged("json", text))


def test_a_terminal_gets_no_control_characters_of_callers() -> None:
    written = logged("console", POISON[1])

    fields = [line for line in written.splitlines() if "a field" in line or "from a library" in line]
    assert fields
    assert all("\x1b[2J" not in line and "\x07" not in line for line in fields)
    assert "\\x1b[2J" in written


def test_short_fields_are_left_as_they_are() -> None:
    line = json.loads(logged("json", "fraud é").splitlines()[0])

    assert (line["model"], line["ids"]) == ("fraud é", ["fraud é", "fraud é"])
