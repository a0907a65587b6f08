"""JSON bodies: decoded fast, and explained well where they are wrong."""

from __future__ import annotations

import json
import math
import re
from typing import Any, TypeVar

import msgspec

from riverrun.core.errors import InvalidInput
from riverrun.core.spec.features import shown, shown_name

T = TypeVar("T")

_AT = re.compile(r"(?P<what>.*?)(?: - at `(?:key in )?\$\.?(?P<path>.*)`)?", re.DOTALL)
_QUOTED = re.compile(r"`([^`]*)`")
_INDEX = re.compile(r"\[(\d+|\.\.\.)\]")
_WORDS = {
    "str": "a string",
    "null": "null",
    "object": "an object",
    "array": "a list",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
}
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)


def decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """What `body` holds. Raises `InvalidInput` naming the field; NaN, Infinity and 1e999 are no numbers."""
    try:
        return decoder.decode(body)
    except RecursionError:
        raise InvalidInput("body", "is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise explained(error, body) from None


def explained(error: Exception, body: bytes) -> InvalidInput:
    """The error that decoding `body` failed with, as one that names the field."""
    not_finite = _not_finite(body)
    if not_finite is not None:
        return not_finite
    if not isinstance(error, msgspec.ValidationError):
        return InvalidInput("body", f"expected JSON: {_malformed(error, body)}")
    found = _AT.fullmatch(str(error))
    what, path = (str(error), None) if found is None else (found["what"], found["path"])
    unknown = _UNKNOWN.fullmatch(what)
    if unknown is not None:
        where = f"{path}." if path else ""
        return InvalidInput(where + shown_name(unknown["name"]), "unknown key")
    what = _QUOTED.sub(lambda quoted: _in_words(quoted[1]), what[0].lower() + what[1:])
    return InvalidInput(_INDEX.sub(r".\1", path or "body"), what)


def _malformed(error: Exception, body: bytes) -> str:
    if not body.strip():
        return "got nothing"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    text = str(error).removeprefix("JSON is malformed: ")
    return "it ends too early" if "truncated" in text else text


def _in_words(quoted: str) -> str:
    """A type as msgspec writes it, as readers of JSON call it; a name as it is."""
    parts = quoted.split(" | ")
    return (
        " or ".join(_WORDS[part] for part in parts) if all(part in _WORDS for part in parts) else repr(quoted)
    )


def _not_finite(body: bytes) -> InvalidInput | None:
    """The first number of `body` that is none, where that is all that is wrong with it."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    waiting: list[tuple[str, Any]] = [("", document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, float) and not math.isfinite(value):
            return InvalidInput(path or "body", f"expected a finite number, got {shown(value)}")
        if isinstance(value, dict):
            inner = [
                (f"{path}.{shown_name(key)}" if path else shown_name(key), v) for key, v in value.items()
            ]
            waiting.extend(reversed(inner))
        elif isinstance(value, list):
            waiting.extend(
                (f"{path}.{n}" if path else str(n), v) for n, v in reversed(list(enumerate(value)))
            )
    return None
