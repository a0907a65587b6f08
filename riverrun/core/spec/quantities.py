"""Durations, shares and their spellings: ``250ms``, ``10s``, ``5m``, ``48h``, ``7d``; ``20%``."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)%")


def parse_duration(text: str) -> float:
    """The seconds that `text` says; raises ValueError when it is not a duration."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError("expected a duration such as 250ms, 10s, 5m, 48h or 7d")
    return float(found[1]) * _SECONDS[found[2]]


def format_duration(seconds: float) -> str:
    """`seconds` in the largest unit that divides it: 3600.0 is ``1h``."""
    for unit in ("d", "h", "m", "s"):
        count = seconds / _SECONDS[unit]
        if count >= 1 and count == int(count):
            return f"{int(count)}{unit}"
    return f"{seconds * 1000:g}ms"


def parse_share(text: str) -> float:
    """The share that `text` says, 0 to 1; raises ValueError when it is not a percentage."""
    found = _SHARE.fullmatch(text.strip())
    if found is None:
        raise ValueError("expected a percentage such as 20%")
    return float(found[1]) / 100


def _duration(value: Any) -> Any:
    if isinstance(value, str):
        return parse_duration(value)
    if value == 0 and not isinstance(value, bool):
        return 0.0
    raise ValueError("expected a duration such as 250ms, 10s, 5m, 48h or 7d")


def _share(value: Any) -> Any:
    if isinstance(value, str):
        return parse_share(value)
    raise ValueError("expected a percentage such as 20%")


Duration = Annotated[
    float,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$", "examples": ["250ms", "48h"]}),
]
"""Seconds, written with a unit."""

Share = Annotated[
    float,
    BeforeValidator(_share),
    Field(gt=0, le=1),
    WithJsonSchema({"type": "string", "pattern": f"^{_SHARE.pattern}$", "examples": ["20%"]}),
]
"""A part of one, written as a percentage."""

ShareOrNone = Annotated[
    float,
    BeforeValidator(_share),
    Field(ge=0, le=1),
    WithJsonSchema({"type": "string", "pattern": f"^{_SHARE.pattern}$", "examples": ["20%", "0%"]}),
]
"""A part of one that may be none at all, written as a percentage."""
