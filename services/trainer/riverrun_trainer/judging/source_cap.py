"""A bound on what one source may add to the model, however much it sends."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from hashlib import blake2b

import msgspec

from riverrun.core.errors import InvalidInput
from riverrun.core.events import Example
from riverrun.core.spec import SourcesSpec
from riverrun.core.spec.features import shown
from riverrun.core.units import SideDelta, Unit
from riverrun.runtime import metrics

_THOUSANDTHS = 1000
"""Weights are summed as whole numbers, so that a sum that went on is the sum made anew after a restart."""


class _Learned(msgspec.Struct, frozen=True, array_like=True, gc=False):
    source: bytes
    weight: int


class _Head(msgspec.Struct, frozen=True, array_like=True):
    feature: str
    next: int


class SourceCap:
    """The last `over` examples that a line learned, by source, and who has had its share of them.

    Only what was learned moves it on: who floods the stream has no larger share of the model for it, and
    waits until others were learned. It is a part of the line's state, so that a restart, a replay and a
    retrain learn the same examples. Unit 0 says of which feature; each example is a unit of its own.
    """

    def __init__(self, spec: SourcesSpec, model: str, units: Mapping[int, Unit]) -> None:
        """Begins anew where `units` are of another feature. Raises `InvalidInput` where they are of
        something else."""
        self._spec = spec
        self._limit = math.floor(spec.share * spec.over * _THOUSANDTHS)
        self._over_share = metrics.OVER_SHARE.labels(model)
        self._window: deque[_Learned] = deque()
        self._used: dict[bytes, int] = {}
        # The last of the window, which wait in an unfinished mini-batch, and what made room for them.
        self._taken = 0
        self._made_room: deque[_Learned] = deque()
        self._next = 1
        self._stored: range = range(1, 1)
        self._is_new = True
        if units:
            self._restore(units)

    def refusal(self, example: Example) -> str:
        """Why `example` is not to be learned now; empty where its source has not had its share."""
        one = self._seen(example)
        used = self._used.get(one.source, 0)
        if len(self._window) == self._spec.over and self._window[0].source == one.source:
            used -= self._window[0].weight
        if used + one.weight <= self._limit:
            return ""
        self._over_share.inc()
        feature = self._spec.feature
        source = shown(example.features[feature]) if feature in example.features else "none"
        share = f"{self._spec.share:.3g} of the last {self._spec.over} learned"
        return f"sources: {feature} {source} has had its share, {share}"

    def take(self, example: Example) -> None:
        """`example` is about to be learned."""
        if len(self._window) == self._spec.over:
            self._made_room.append(self._drop_oldest())
        self._add(self._seen(example))
        self._taken += 1

    def settle(self) -> None:
        """What was taken is learned."""
        self._next += self._taken
        self._taken = 0
        self._made_room.clear()

    def give_back(self) -> None:
        """What was taken is not learned after all."""
        for _ in range(self._taken):
            self._subtract(self._window.pop())
        while self._made_room:
            one = self._made_room.pop()
            self._window.appendleft(one)
            self._used[one.source] = self._used.get(one.source, 0) + one.weight
        self._taken = 0

    def changes(self) -> SideDelta:
        """See `StatePart.changes`: as of the last finished mini-batch."""
        learned = [*self._made_room, *self._window][: len(self._made_room) + len(self._window) - self._taken]
        kept = range(self._next - len(learned), self._next)
        if kept == self._stored and not self._is_new:
            return SideDelta()
        new = range(max(kept.start, self._stored.stop), kept.stop)
        changed = {number: msgspec.msgpack.encode(learned[number - kept.start]) for number in new}
        changed[0] = msgspec.msgpack.encode(_Head(self._spec.feature, self._next))
        dropped = range(self._stored.start, min(self._stored.stop, kept.start))
        self._stored, self._is_new = kept, False
        return SideDelta(changed, frozenset(dropped))

    def _seen(self, example: Example) -> _Learned:
        value = example.features.get(self._spec.feature)
        source = blake2b(repr(value).encode(), digest_size=8).digest()
        # One far above the limit is refused whatever it is, and no number that large need be kept.
        weight = min(example.weight, self._spec.over + 1.0)
        return _Learned(source, math.ceil(weight * _THOUSANDTHS))

    def _add(self, one: _Learned) -> None:
        self._window.append(one)
        self._used[one.source] = self._used.get(one.source, 0) + one.weight

    def _drop_oldest(self) -> _Learned:
        one = self._window.popleft()
        self._subtract(one)
        return one

    def _subtract(self, one: _Learned) -> None:
        left = self._used[one.source] - one.weight
        if left:
            self._used[one.source] = left
        else:
            del self._used[one.source]

    def _restore(self, units: Mapping[int, Unit]) -> None:
        try:
            head = msgspec.msgpack.decode(units[0], type=_Head)
            numbers = sorted(units.keys() - {0})
            learned = [msgspec.msgpack.decode(units[number], type=_Learned) for number in numbers]
            if numbers != list(range(head.next - len(numbers), head.next)):
                raise InvalidInput("state", "expected sources in a row")
        except (msgspec.MsgspecError, KeyError) as error:
            raise InvalidInput("state", "expected the sources of what was learned") from error
        self._next = head.next
        self._stored = range(head.next - len(numbers), head.next)
        self._is_new = head.feature != self._spec.feature
        if not self._is_new:
            for one in learned[-self._spec.over :]:
                self._add(one)
