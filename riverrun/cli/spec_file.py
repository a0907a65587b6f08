"""Model specs as files."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from riverrun.core.errors import InvalidInput, InvalidSpec
from riverrun.core.spec import ModelSpec, parse_spec


@dataclass(frozen=True, slots=True)
class SpecFile:
    """A spec as it was read; `text` is what gets registered, comments included."""

    path: Path
    text: str
    spec: ModelSpec


def read_spec_file(path: Path) -> SpecFile:
    """The spec in `path`, or on standard input where that is ``-``.

    Raises `InvalidInput` naming the file, and the line and key in it where they are known.
    """
    text = read_text(path)
    try:
        return SpecFile(path, text, parse_spec(text))
    except InvalidSpec as error:
        raise InvalidInput(str(path), str(error)) from error


def read_text(path: Path) -> str:
    """The text in `path`, or on standard input where that is ``-``; raises `InvalidInput`."""
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(str(path), "expected UTF-8 text") from error
    except OSError as error:
        raise InvalidInput(str(path), (error.strerror or "cannot be read").lower()) from error
