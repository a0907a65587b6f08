"""HTTP answers of serving as our errors. Its body is ``{"error", "field"?, "expected"?}``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx2
import msgspec

from riverrun.core.errors import Exhausted, InvalidInput, NotFound, NotReady, RiverrunError, Unavailable

PEER = "serving"

_NOT_FOUND = re.compile(r"no (\w+) '(.*?)'(?:; there is: (.*))?", re.DOTALL)
_EXHAUSTED = re.compile(r"(.*): over the limit of (.*)", re.DOTALL)
_UNAVAILABLE = re.compile(r"(.*) is unavailable: (.*)", re.DOTALL)
_NOT_READY = re.compile(r"(.*?): (.*)", re.DOTALL)


class TryLater(Exception):
    """Serving asks to be asked again, after `after_s` where it says when; `error` is what it answered."""

    def __init__(self, error: RiverrunError, after_s: float | None) -> None:
        super().__init__(str(error))
        self.error = error
        self.after_s = after_s


def raise_for_status(response: httpx2.Response) -> None:
    """Raise what `response` says went wrong; `TryLater` for 429, 502, 503 and 504, else an error of ours."""
    if response.is_success:
        return
    error = _error_from(response.status_code, _said(response))
    if response.status_code in (429, 502, 503, 504):
        raise TryLater(error, _seconds(response.headers.get("retry-after")))
    raise error


def not_reached(error: httpx2.HTTPError, url: str) -> TryLater:
    """A call that got no answer, as ours; whether it was carried out is not known."""
    why = "no answer in time" if isinstance(error, httpx2.TimeoutException) else str(error)
    return TryLater(Unavailable(PEER, f"{url}: {why or type(error).__name__}"), None)


def _said(response: httpx2.Response) -> Mapping[str, Any]:
    try:
        body = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        body = None
    said = body if isinstance(body, dict) else {}
    message = said.get("error")
    text = message if isinstance(message, str) and message else f"answered {response.status_code}"
    return {**said, "error": text}


def _error_from(status: int, said: Mapping[str, Any]) -> RiverrunError:
    text = said["error"]
    if isinstance(said.get("field"), str) and isinstance(said.get("expected"), str):
        return InvalidInput(said["field"], said["expected"])
    if status == 404 and (found := _NOT_FOUND.fullmatch(text)):
        return NotFound(*found.groups())
    if status in (413, 507) and (found := _EXHAUSTED.fullmatch(text)):
        return Exhausted(*found.groups())
    if status == 503 and (found := _UNAVAILABLE.fullmatch(text)):
        return Unavailable(*found.groups())
    if status == 503 and (found := _NOT_READY.fullmatch(text)):
        return NotReady(*found.groups())
    return InvalidInput("", text) if 400 <= status < 429 else Unavailable(PEER, text)


def _seconds(header: str | None) -> float | None:
    # Whole seconds, as HTTP has them; its other form, a date, says nothing without a clock of the server's.
    return min(float(header), 60.0) if header and header.isascii() and header.isdigit() else None
