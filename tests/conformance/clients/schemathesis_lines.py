"""Schemathesis knows no lines of JSON; it is told how one is written."""

from __future__ import annotations

import json
from typing import Any

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(_context: Any, value: Any) -> bytes:
    """One line."""
    return json.dumps(value).encode()
