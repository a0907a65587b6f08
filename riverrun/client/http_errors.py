"""HTTP answers of serving as our errors. Its body is ``{"error", "reason"}`` and the error's facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx2
import msgspec

from riverrun.core.errors import InvalidInput, RiverrunError, Unavailable, from_facts

PEER = "serving"


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
    known = from_facts(str(said.get("reason")), {k: v for k, v in said.items() if isinstance(v, str)})
    if known is not None:
        return known
    # Something between us and serving answered, or an error of serving itself.
    text = said["error"]
    return InvalidInput("", text) if 400 <= status < 429 else Unavailable(PEER, text)


def _seconds(header: str | None) -> float | None:
    # Whole seconds, as HTTP has them; its other form, a date, says nothing without a clock of the server's.
    return min(float(header), 60.0) if header and header.isascii() and header.isdigit() else None
