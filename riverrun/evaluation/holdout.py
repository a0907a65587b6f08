"""Examples that are never learned: a uniform sample of everything old, beside the newest.

A model that is only judged on what comes next may forget everything else unseen. The sample of the old is
reservoir sampling (Vitter, "Random Sampling with a Reservoir", 1985, algorithm R), with the event's hash in
place of a random number: which examples it holds depends on the events alone, so that a replay and a
restart hold the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from hashlib import blake2b

import msgspec

from riverrun.core.events import Example

SLOTS = 1 << 64


class HeldOut(msgspec.Struct, frozen=True, gc=False):
    """An example that is not learned, with its event's id and time (Unix nanoseconds)."""

    event_id: str
    time_ns: int
    example: Example


class HeldOutExamples(msgspec.Struct, frozen=True):
    """All that a holdout knows: what it holds, and how many have passed into the sample of the old."""

    history: list[HeldOut]
    recent: list[HeldOut]
    passed: int


class Holdout:
    """`share` of all events by a hash of their id: the same for live learning, retraining and replay.

    It holds the newest `recent` of them, and of all before those a uniform sample of `history`.
    """

    def __init__(self, share: float, *, history: int = 500, recent: int = 500) -> None:
        """Raises `ValueError` for a share outside [0, 1), or sizes below 1."""
        if not 0 <= share < 1:
            raise ValueError(f"expected a share of at least 0 and below 1, got {share}")
        if history < 1 or recent < 1:
            raise ValueError(f"expected sizes of at least 1, got {history} and {recent}")
        self._end = round(share * SLOTS)
        self._history_size = history
        self._history: list[HeldOut] = []
        self._recent: deque[HeldOut] = deque()
        self._recent_size = recent
        self._passed = 0

    def __len__(self) -> int:
        return len(self._history) + len(self._recent)

    def __iter__(self) -> Iterator[HeldOut]:
        """The old, in no order of time, then the newest, oldest first."""
        yield from self._history
        yield from self._recent

    def takes(self, event_id: str) -> bool:
        """Whether the event of this id is held out, and so not to be learned."""
        return bool(self._end) and _hash(event_id, "member") < self._end

    def add(self, held: HeldOut) -> int | None:
        """Hold one more; the oldest of the newest may take the place of one of the old, which is told."""
        self._recent.append(held)
        if len(self._recent) <= self._recent_size:
            return None
        leaving = self._recent.popleft()
        self._passed += 1
        if len(self._history) < self._history_size:
            self._history.append(leaving)
            return len(self._history) - 1
        place = _hash(leaving.event_id, "place") % self._passed
        if place < self._history_size:
            self._history[place] = leaving
            return place
        return None

    @property
    def history(self) -> Sequence[HeldOut]:
        """The old, in no order of time."""
        return self._history

    @property
    def recent(self) -> Sequence[HeldOut]:
        """The newest, oldest first."""
        return self._recent

    @property
    def state(self) -> HeldOutExamples:
        """What it holds now; it goes on from there in another holdout of the same sizes."""
        return HeldOutExamples(list(self._history), list(self._recent), self._passed)

    @state.setter
    def state(self, state: HeldOutExamples) -> None:
        # Sizes may have been made smaller since: the newest stay, and any part of a uniform sample is one.
        self._history = list(state.history[: self._history_size])
        self._recent = deque(state.recent[-self._recent_size :])
        self._passed = state.passed


def _hash(event_id: str, use: str) -> int:
    digest = blake2b(event_id.encode(errors="surrogatepass"), digest_size=8, person=use.encode()).digest()
    return int.from_bytes(digest, "big")
