"""HTTP answers of serving to our errors."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import httpx2
import msgspec

from riverrun.core import errors

PEER = "serving"

_KINDS = {
    kind.reason: kind
    for kind in vars(errors).values()
    if inspect.isclass(kind) and issubclass(kind, errors.RiverrunError)
}


class TryLater(Exception):
    """Serving asks to be asked again, after `after_s` where it says when; `error` is what it answered."""

    def __init__(self, error: errors.RiverrunError, after_s: float | None) -> None:
        super().__init__(str(error))
        self.error = error
        self.after_s = after_s


def raise_for_status(response: httpx2.Response) -> None:
    """Raise what `response` says went wrong; `TryLater` for 429 and 503, else an error of ours."""
    if response.is_success:
        return
    error = _error_from(response)
    if response.status_code in (429, 503):
        raise TryLater(error, _seconds(response.headers.get("retry-after")))
    raise error


def not_reached(error: httpx2.HTTPError, url: str) -> TryLater:
    """A call that got no answer, as ours; whether it was carried out is not known."""
    why = "no answer in time" if isinstance(error, httpx2.TimeoutException) else str(error)
    return TryLater(errors.Unavailable(PEER, f"{url}: {why or type(error).__name__}"), None)


def _error_from(response: httpx2.Response) -> errors.RiverrunError:
    try:
        body = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        body = None
    said = body if isinstance(body, Mapping) else {}
    known = _from_facts(said)
    if known is not None:
        return known
    message = said.get("error")
    text = message if isinstance(message, str) and message else f"answered {response.status_code}"
    match response.status_code:
        case 429 | 503 | 502 | 504:
            return errors.Unavailable(PEER, text)
        case code if 400 <= code < 500:
            return errors.InvalidInput("", text)
    return errors.Unavailable(PEER, text)


def _from_facts(said: Mapping[str, Any]) -> errors.RiverrunError | None:
    kind = _KINDS.get(said.get("reason", ""))
    facts = said.get("facts", said)
    if kind is None or not isinstance(facts, Mapping):
        return None
    wanted = inspect.signature(kind.__init__).parameters
    try:
        return kind(**{str(key): value for key, value in facts.items() if key in wanted})
    except (TypeError, ValueError):
        return None


def _seconds(header: str | None) -> float | None:
    try:
        return None if header is None else max(0.0, min(float(header), 60.0))
    except ValueError:
        return None
