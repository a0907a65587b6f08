"""Detectors of drift: River's, with what each was fed and found, as data that a restart goes on from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.graph_encoder import GraphEncoder
from riverrun.codec.wire import decode_side, encode_side
from riverrun.core.catalogue import Construct
from riverrun.core.errors import InvalidInput
from riverrun.core.spec import ModelSpec
from riverrun.core.spec.drift import DriftSpec
from riverrun.core.spec.drift_check import drift_declarations
from riverrun.core.units import NO_UNITS, SideDelta, State, Unit
from riverrun.learners.river_allow_list import river_allow_list
from riverrun.learners.river_builder import build

RECENT = 0.05
"""Weight of the newest value in the mean of what came last: of about the last twenty."""

MAX_DETECTOR_BYTES = 16 << 20
SEED = 1
"""Of detectors that draw at random and were given no seed: a replay finds what was found."""


class Watch:
    """One detector over a stream of numbers; plain attributes, so that it is stored as data.

    Of `offered` values so many `values` were fed; `found` drifts counted and `passed_over` went in the other
    direction. `mean` is of all values since the last of either, `recent` of the last few. `last_value` is the
    number of the value (from 1) at which a drift was counted last, `last_ns` that example's time and
    `last_received_ns` when the log received it; 0 for none.
    """

    def __init__(self, detector: Any) -> None:
        self.detector = detector
        self.offered = self.values = self.found = self.passed_over = 0
        self.mean = self.recent = 0.0
        self.since_drift = 0
        self.last_value = self.last_ns = self.last_received_ns = 0

    def update(self, value: float, direction: str, time_ns: int, received_ns: int) -> bool:
        """Feed the next value, of an example at `time_ns`; whether it shows a drift in `direction`."""
        self.values += 1
        self.since_drift += 1
        if self.since_drift == 1:
            self.mean = self.recent = value
        self.detector.update(value)
        self.recent += RECENT * (value - self.recent)
        if not self.detector.drift_detected:
            self.mean += (value - self.mean) / self.since_drift
            return False
        rose = self.recent > self.mean
        self.since_drift = 0
        if direction != "any" and rose != (direction == "rise"):
            self.passed_over += 1
            return False
        self.found += 1
        self.last_value, self.last_ns, self.last_received_ns = self.values, time_ns, received_ns
        return True


class DriftDetectors:
    """The detectors of one spec by name, and their state as units; equal contents give equal units.

    Unit 0 says which detector has which number; a detector that is declared anew gets another one and starts
    afresh.
    """

    def __init__(self, spec: ModelSpec, units: Mapping[int, Unit] = NO_UNITS) -> None:
        """Go on from `units`; from nothing where there are none. Raises `InvalidInput` where they hold
        something else, `InvalidSpec` where River refuses a detector's arguments."""
        self._allow = river_allow_list().with_types([Watch])
        self.watches: dict[str, Watch] = {}
        self._numbers: dict[str, tuple[int, str]] = {}
        self._next = 1
        self._written = dict(units)
        if units:
            try:
                self._next, self._numbers = msgspec.msgpack.decode(
                    units[0], type=tuple[int, dict[str, tuple[int, str]]]
                )
            except (KeyError, msgspec.MsgspecError) as error:
                raise InvalidInput("state", "expected detectors of drift") from error
        kept, self._numbers = self._numbers, {}
        for drift, declared in zip(spec.drift, drift_declarations(spec), strict=True):
            identity = _identity(drift)
            known = kept.get(drift.called)
            made = Watch(build(_seeded(declared)))
            if known is not None and known[1] == identity and known[0] in units:
                made = self._decoded(units[known[0]])
            else:
                known = (self._next, identity)
                self._next += 1
            self._numbers[drift.called] = known
            self.watches[drift.called] = made

    def changes(self) -> SideDelta:
        """See `StatePart.changes`."""
        units = {0: msgspec.msgpack.encode((self._next, self._numbers))} if self._next > 1 else {}
        for name, (number, _) in self._numbers.items():
            units[number] = self._encoded(self.watches[name])
        changed = {number: unit for number, unit in units.items() if self._written.get(number) != unit}
        dropped = frozenset(self._written.keys() - units.keys())
        self._written = units
        return SideDelta(changed, dropped)

    def _encoded(self, watch: Watch) -> Unit:
        # Afresh each time: the numbers within then follow from what is there, whatever led to it.
        return encode_side(GraphEncoder(self._allow).encode(watch).serving)

    def _decoded(self, unit: Unit) -> Watch:
        units = decode_side(unit, max_bytes=MAX_DETECTOR_BYTES).changed
        watch = GraphDecoder(self._allow).decode(State(units, {}, max(units, default=0) + 1))
        if type(watch) is not Watch:
            raise InvalidInput("state", "expected a detector of drift")
        return watch


def _identity(drift: DriftSpec) -> str:
    """What makes a detector another one."""
    return msgspec.json.encode([drift.detector, drift.on, drift.of, drift.every]).decode()


def _seeded(declared: Construct) -> Construct:
    if declared.entry.parameter("seed") is None or declared.argument("seed") is not None:
        return declared
    return replace(declared, kwargs={**declared.kwargs, "seed": SEED})
