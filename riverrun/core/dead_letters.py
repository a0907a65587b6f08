"""Dead letters: events that could not be learned, as the dead-letter stream keeps them, in JSON.

The stream also holds notes of letters that were replayed, so that each is replayed once for as long as it
is kept, whoever asks.
"""

from __future__ import annotations

import base64
import binascii

import msgspec

from riverrun.core.errors import InvalidInput
from riverrun.core.events import LoggedEvent, NewEvent, Stream

MAX_LETTER = 900 << 10
"""Bytes of a dead letter; the log takes 1 MiB. Of a larger event the beginning is kept."""


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """One event that was set aside. Times are Unix nanoseconds; `received_ns` is when the log got the event.

    `body` is the event's own, its beginning where the whole, of `cut_from_bytes`, was too large to keep.
    """

    id: str
    reason: str
    stream: Stream
    offset: int
    event_id: str
    received_ns: int
    time_ns: int
    body: bytes
    cut_from_bytes: int = 0

    @property
    def why_not_again(self) -> str:
        """Why the event cannot be given back; empty when it can."""
        return f"only the beginning of its {self.cut_from_bytes} bytes is kept" if self.cut_from_bytes else ""

    def again(self) -> NewEvent:
        """The event on its way back into its stream, with an id that counts once."""
        return NewEvent(f"replay:{self.id}", self.body, self.time_ns or None)

    def replayed(self) -> NewEvent:
        """The note that this letter was replayed."""
        return NewEvent(f"replayed:{self.id}", msgspec.json.encode({"replayed": self.id}))


class _Facts(msgspec.Struct, kw_only=True):
    """A letter or a note as it is written. `body` is text, `body_base64` bytes that are none."""

    reason: str = ""
    stream: Stream = Stream.EXAMPLES
    offset: int = 0
    event_id: str = ""
    received_ns: int = 0
    body: str | None = None
    body_base64: str = ""
    cut_from_bytes: int = 0
    replayed: str = ""


_decoder = msgspec.json.Decoder(_Facts)


def letter_of(source: Stream, event: LoggedEvent, reason: str) -> NewEvent:
    """`event` of the stream `source` as a dead letter, whose id makes a repeated one count once."""
    facts: dict[str, object] = {
        "reason": reason,
        "stream": source.value,
        "offset": event.offset,
        "event_id": event.event_id,
        "received_ns": event.received_ns,
    }
    body = msgspec.json.encode(facts | _readable(event.body))
    if len(body) > MAX_LETTER:
        kept = base64.b64encode(event.body[: MAX_LETTER // 2]).decode()
        body = msgspec.json.encode(facts | {"body_base64": kept, "cut_from_bytes": len(event.body)})
    return NewEvent(f"dlq:{source.value}:{event.offset}", body, event.time_ns)


def read_letter(event: LoggedEvent) -> DeadLetter | str:
    """What an event of the dead-letter stream holds: a letter, or the id of the letter that was replayed.

    Raises `InvalidInput` where it holds neither.
    """
    try:
        facts = _decoder.decode(event.body)
        body = (
            base64.b64decode(facts.body_base64, validate=True) if facts.body is None else facts.body.encode()
        )
    except (msgspec.DecodeError, UnicodeError, binascii.Error) as error:
        raise InvalidInput("body", f"expected a dead letter in {event.event_id[:64]!r}") from error
    if facts.replayed:
        return facts.replayed
    if not facts.reason:
        raise InvalidInput("reason", f"expected a dead letter in {event.event_id[:64]!r}")
    return DeadLetter(
        id=event.event_id,
        reason=facts.reason,
        stream=facts.stream,
        offset=facts.offset,
        event_id=facts.event_id,
        received_ns=facts.received_ns,
        time_ns=event.time_ns,
        body=body,
        cut_from_bytes=facts.cut_from_bytes,
    )


def _readable(body: bytes) -> dict[str, object]:
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}
