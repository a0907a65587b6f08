"""One trainer's session on a line, and what it is told in it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from riverrun.core.errors import RiverrunError
from riverrun.core.events import OffsetRange, Positions, Suspect
from riverrun.core.versions import Manifest
from riverrun.rpc.weights import Pushed

LineKey = tuple[str, int]
"""A line: the name of its model, and its number."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a trainer starts from; see `OpenSessionResponse.Opened`."""

    epoch: int
    head: Manifest | None
    spec_yaml: str
    positions: Positions
    skipped: tuple[OffsetRange, ...]
    unclean_end: bool
    suspects: tuple[Suspect, ...]
    since_ns: int = 0
    good_version: int = 0


@dataclass(frozen=True, slots=True)
class Noted:
    """What a trainer said of its attempts is on disk."""


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """What became of a push that came over a session's stream; `answer` None: it was refused."""

    push_id: str
    answer: Pushed | None


News = str | Noted | PushOutcome
"""What a session tells its trainer: the newest policies as YAML, and answers."""


class Session:
    """One trainer's hold on one line; `news` tells it what it must know until it is over."""

    def __init__(self, key: LineKey, trainer_id: str) -> None:
        self.key = key
        self.trainer_id = trainer_id
        self.epoch = 0
        self.deadline = float("inf")
        self._spec: str | None = None
        self._answers: deque[PushOutcome | Noted] = deque()
        self._error: RiverrunError | None = None
        self._over = False
        self._wake = asyncio.Event()

    def tell_spec(self, spec_yaml: str) -> None:
        """The line's policies changed; only the newest is told."""
        self._spec = spec_yaml
        self._wake.set()

    def tell_outcome(self, push_id: str, answer: Pushed | None) -> None:
        """A version that came over the session's stream is durable and announced, or was refused."""
        self._answers.append(PushOutcome(push_id, answer))
        self._wake.set()

    def tell_noted(self) -> None:
        """An attempt or a goodbye is on disk."""
        self._answers.append(Noted())
        self._wake.set()

    def end(self, error: RiverrunError | None = None) -> None:
        """The session is over, by `error` or because the server stops; the first reason counts."""
        if not self._over:
            self._over, self._error = True, error
            self._wake.set()

    async def news(self) -> AsyncIterator[News]:
        """Each newer spec, and answers in order. Ends, or raises, when the session is over."""
        while not self._over:
            if self._answers:
                yield self._answers.popleft()
                continue
            spec, self._spec = self._spec, None
            if spec is not None:
                yield spec
                continue
            self._wake.clear()
            await self._wake.wait()
        if self._error is not None:
            raise self._error
