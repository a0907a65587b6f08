"""Events on their way into the log: which are taken, and how the tables hold them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from riverrun.core.events import Appended, NewEvent, Stream

MAX_BODY = 1 << 20
MAX_ID = 1024
MAX_AHEAD_S = 300.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One event to append. `key` is what its id is found by, empty for an event that is always new.

    `received_ns` is the wall clock's, `own_ns` the log's own time, which its id ages by.
    """

    key: bytes
    event_id: str
    time_ns: int
    received_ns: int
    own_ns: int
    body: bytes
    fingerprint: bytes


def refusal(event: NewEvent, now_ns: int) -> Appended | None:
    """Why `event` cannot be taken whatever the log holds; None when it can."""
    if len(event.body) > MAX_BODY:
        return Appended(-1, refused=f"body: over the limit of {MAX_BODY} bytes")
    if len(event.event_id) > MAX_ID:
        return Appended(-1, refused=f"event_id: over the limit of {MAX_ID} characters")
    if event.time_ns is not None and event.time_ns > now_ns + MAX_AHEAD_S * 1e9:
        return Appended(-1, refused="time: more than 5 minutes ahead of the log's clock")
    return None


def entry(model: str, stream: Stream, event: NewEvent, received_ns: int, own_ns: int) -> Entry:
    """`event` as it is written; `own_ns` is the log's own time."""
    key = b""
    if event.event_id:
        key = sha256(f"{model}\0{stream.value}\0{event.event_id}".encode()).digest()[:16]
    time_ns = received_ns if event.time_ns is None else event.time_ns
    return Entry(key, event.event_id, time_ns, received_ns, own_ns, event.body, event.fingerprint)
