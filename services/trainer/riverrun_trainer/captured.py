"""A line's state as it goes to the parameter server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from riverrun.core.events import Arrivals, Offsets, Positions
from riverrun.core.units import Delta


@dataclass(frozen=True, slots=True)
class Captured:
    """A state as bytes with all that is said of it; taken at one moment, learned from no further.

    `offsets` are the position in the examples, `joined_positions` those in the other streams.
    `examples` counts the line's; `learned` those since the capture before, as `missed_changes` counts what
    the learner's audit found untold since then. `encode_s` is the processor
    time that taking it cost. `delta` is what the encoded sides say.
    """

    serving: bytes
    trainer: bytes
    serving_root: bytes
    trainer_root: bytes
    next_unit: int
    offsets: Offsets
    joined_positions: Positions
    examples: int
    learned: int
    missed_changes: int
    watermark_ns: int
    arrivals: Arrivals
    metrics: Mapping[str, float]
    encode_s: float
    delta: Delta
