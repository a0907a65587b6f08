"""The record of a model: what moved, when, by whom, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from riverrun.core.errors import InvalidInput

MAX_FACTS_BYTES = 16 << 10
MAX_REASON = 1024


class JournalRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to a model.

    `kind` says what, such as ``channel.moved``. `actor` is who: a caller's name, ``trainer`` or ``server``,
    empty for a caller whom nobody asked for a token. `version` is what it led to or is about, `previous` the
    version before. 0 and empty mean none. `facts` is plain JSON, at most 16 KiB. `number` and `time_ns` (Unix
    nanoseconds) are the journal's own to give.
    """

    kind: str
    actor: str = ""
    reason: str = ""
    line: int = 0
    channel: str = ""
    version: int = 0
    previous: int = 0
    facts: Mapping[str, Any] = {}
    number: int = 0
    time_ns: int = 0

    def checked(self) -> JournalRecord:
        """This record, its reason cut to size. Raises `InvalidInput` where `facts` are too many."""
        size = len(msgspec.json.encode(self.facts))
        if size > MAX_FACTS_BYTES:
            raise InvalidInput("facts", f"expected at most {MAX_FACTS_BYTES} bytes of JSON, got {size}")
        if len(self.reason) <= MAX_REASON:
            return self
        return msgspec.structs.replace(self, reason=self.reason[:MAX_REASON])
