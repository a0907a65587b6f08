"""What a trainer keeps beside its learner, committed with each version: units in numbers of their own.

The join's decisions, evaluation and the like are *parts* of the trainer side. A part numbers its units from
0; in the state these follow the part's first number, far above all numbers that a learner gives. A state
with parts has `next_unit` at `PARTS_END`; the learner's own is kept in the first unit of `Part.HEAD`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Protocol

import msgspec

from riverrun.core.errors import InvalidInput
from riverrun.core.units import SideDelta, State, Unit

PART_BITS = 40
PARTS_START = 1 << PART_BITS
PARTS_END = 1 << PART_BITS + 4
"""The numbers of all parts lie in [PARTS_START, PARTS_END), 2**40 for each."""


class Part(enum.IntEnum):
    """The parts there are. A number is never given to another part."""

    HEAD = 1
    JOIN = 2
    EVALUATION = 3
    HOLDOUT = 4
    DRIFT = 5
    EXPERIMENT = 6
    HISTORY = 7
    TRIGGERS = 8
    SOURCES = 9

    @property
    def first_unit(self) -> int:
        """The number of the part's unit 0 in the state."""
        return self.value << PART_BITS


class StatePart(Protocol):
    """The owner of one part's units. Equal contents give equal units, whatever led there."""

    def changes(self) -> SideDelta:
        """What changed since the last call, numbered from 0 and below 2**40; everything at first.

        A part that was restored from units starts from those. A number that was dropped never comes back.
        """


def without_parts(state: State) -> tuple[State, Mapping[int, Unit]]:
    """`state` as its learner knows it, and the units of all parts, numbered as in the state.

    Raises `InvalidInput` where units of parts lack their head.
    """
    parts = {number: unit for number, unit in state.trainer.items() if number >= PARTS_START}
    if not parts:
        return state, {}
    head = parts.get(Part.HEAD.first_unit)
    if head is None:
        raise InvalidInput("state", "expected the head of its parts")
    trainer = {number: unit for number, unit in state.trainer.items() if number < PARTS_START}
    return State(state.serving, trainer, msgspec.msgpack.decode(head, type=int)), parts


def units_of(part: Part, units: Mapping[int, Unit]) -> dict[int, Unit]:
    """The units of `part` among `units`, numbered from 0."""
    first = part.first_unit
    return {n - first: unit for n, unit in units.items() if n >> PART_BITS == part.value}


def head_unit(next_unit: int) -> Unit:
    """The head of a state's parts: its learner's own `next_unit`."""
    return msgspec.msgpack.encode(next_unit)


def in_state(part: Part, delta: SideDelta) -> SideDelta:
    """A part's own `delta` with the numbers that its units have in the state."""
    first = part.first_unit
    return SideDelta(
        {n + first: unit for n, unit in delta.changed.items()}, frozenset(n + first for n in delta.dropped)
    )
