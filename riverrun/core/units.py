"""A model's whole state as numbered units, and the deltas between two states.

A unit is the smallest part of a state that is sent, stored and hashed on its own: one estimator, one
tree node, one row of a table. Its number stays with it for as long as the part lives and is never used
again in the same line. Units are opaque here: `riverrun.codec` writes and reads their payloads, and a
server composes deltas without knowing what is in them.

Every state has two sides. What `predict` reads is the *serving* side; what only further learning reads
(optimizer moments, random generators, metrics) is the *trainer* side, stored with the version and never
sent to serving. Numbers are unique over both sides together, but for a unit that readers get with rounded
numbers: its exact form is the trainer's unit of the same number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

Unit = bytes
"""The payload of one unit."""

NO_UNITS: Mapping[int, Unit] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SideDelta:
    """What changed on one side: `changed` holds new and changed units, `dropped` those that are gone."""

    changed: Mapping[int, Unit] = field(default_factory=lambda: NO_UNITS)
    dropped: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.changed or self.dropped)

    def then(self, later: SideDelta) -> SideDelta:
        """This delta followed by `later`, as one: the last word on each unit wins."""
        changed = {n: unit for n, unit in self.changed.items() if n not in later.dropped}
        changed.update(later.changed)
        return SideDelta(changed, (self.dropped - later.changed.keys()) | later.dropped)

    def apply(self, units: Mapping[int, Unit]) -> dict[int, Unit]:
        """The units that `units` becomes; `units` itself is not touched."""
        after = {n: unit for n, unit in units.items() if n not in self.dropped}
        after.update(self.changed)
        return after

    def apply_in_place(self, units: dict[int, Unit]) -> None:
        """`apply`, for an owner of `units` who can spare the copy."""
        for number in self.dropped:
            units.pop(number, None)
        units.update(self.changed)


@dataclass(frozen=True, slots=True)
class Delta:
    """What turns one state into another. A delta from the empty state is a snapshot.

    `next_unit` is the first number that was never used up to and including the newer state.
    """

    serving: SideDelta = field(default_factory=SideDelta)
    trainer: SideDelta = field(default_factory=SideDelta)
    next_unit: int = 0

    def __bool__(self) -> bool:
        return bool(self.serving or self.trainer)

    def then(self, later: Delta) -> Delta:
        """This delta followed by `later`, as one; needs no learner."""
        return Delta(
            self.serving.then(later.serving),
            self.trainer.then(later.trainer),
            max(self.next_unit, later.next_unit),
        )


@dataclass(frozen=True, slots=True)
class State:
    """One whole state: the units of both sides. `trainer` is empty where only serving's side was sent."""

    serving: Mapping[int, Unit]
    trainer: Mapping[int, Unit] = field(default_factory=lambda: NO_UNITS)
    next_unit: int = 0

    def apply(self, delta: Delta) -> State:
        """The state that `delta` leads to from here; both are left as they are."""
        return State(
            delta.serving.apply(self.serving),
            delta.trainer.apply(self.trainer),
            max(self.next_unit, delta.next_unit),
        )

    def as_snapshot(self) -> Delta:
        """This state as a delta from the empty one."""
        return Delta(SideDelta(self.serving), SideDelta(self.trainer), self.next_unit)


EMPTY = State({}, {}, 0)


def compose(deltas: Iterable[Delta]) -> Delta:
    """All of `deltas`, in order, as one."""
    total = Delta()
    for delta in deltas:
        total = total.then(delta)
    return total
