"""Rows, labels and entries from the command line, a file or standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from riverrun.cli.spec_file import read_text
from riverrun.core.errors import InvalidInput


def read_rows(given: str, option: str) -> list[dict[str, Any]] | dict[str, Any]:
    """One row or a list of rows from `given`: JSON, ``@FILE``, or ``-`` for standard input.

    A file may hold one object, a list of objects, or an object a line. Raises `InvalidInput` naming the
    option and the line.
    """
    text, where = _text(given, option)
    stripped = text.strip()
    if not stripped:
        raise InvalidInput(where, "expected a JSON object, got nothing")
    lines = stripped.splitlines()
    if len(lines) > 1 and all(line.lstrip().startswith("{") for line in lines if line.strip()):
        rows = _each_line(lines, where)
        if rows is not None:
            return rows
    found = _json(stripped, where)
    if isinstance(found, dict):
        return found
    if isinstance(found, list) and found and all(isinstance(row, dict) for row in found):
        return found
    raise InvalidInput(where, "expected a JSON object, a list of objects, or an object a line")


def parse_label(text: str) -> bool | int | float | str:
    """A label as typed: true, false and numbers are what they look like, all else is a class's name.

    Quote a name that looks like a number: ``'"3"'``.
    """
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    if isinstance(found, bool | int | float | str):
        return found
    raise InvalidInput("--label", f"expected a class or a number, got {text[:60]}")


def _text(given: str, option: str) -> tuple[str, str]:
    if given == "-":
        if sys.stdin.isatty():
            raise InvalidInput(option, "is required where nothing is piped into standard input")
        return read_text(Path("-")), "standard input"
    if given.startswith("@"):
        return read_text(Path(given[1:])), given[1:]
    return given, option


def _each_line(lines: list[str], where: str) -> list[dict[str, Any]] | None:
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found = msgspec.json.decode(line)
        except msgspec.DecodeError as error:
            if number == 1:
                return None  # not an object a line: one object over several lines
            raise InvalidInput(f"{where}, line {number}", f"not JSON: {error}") from error
        rows.append(found)
    return rows


def _json(text: str, where: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise InvalidInput(where, f"not JSON: {error}") from error
