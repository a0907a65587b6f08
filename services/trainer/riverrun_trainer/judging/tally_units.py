"""Tallies of experiments as units of a part: what a version adds is small, however many keys were seen."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import msgspec

from riverrun.core.errors import InvalidInput
from riverrun.core.experiment_results import Point
from riverrun.core.experiments import Experiment
from riverrun.core.units import SideDelta, Unit
from riverrun.evaluation.experiments.tally import ArmSums, ExperimentTally

CHUNK_KEYS = 128
"""Keys of one unit, 8 bytes each: the newest unit is written again with every version."""


class _Entry(msgspec.Struct):
    """One tally in the head: its definition, its sums, and the units of its paths and its keys."""

    experiment: Experiment
    arms: dict[str, ArmSums]
    doubt: float
    paths: int
    keys: list[int]


class _Head(msgspec.Struct):
    """Unit 0: the tallies, and the first number that no unit had yet."""

    entries: list[_Entry]
    next_unit: int


_head_encoder = msgspec.msgpack.Encoder()
_head_decoder = msgspec.msgpack.Decoder(_Head)
_paths_decoder = msgspec.msgpack.Decoder(dict[str, list[Point]])


class TallyUnits:
    """Remembers which units were written, and gives those that changed."""

    def __init__(self) -> None:
        self._written: dict[int, Unit] = {}
        self._next = 1
        self._numbers: dict[str, _Entry] = {}

    def read(self, units: Mapping[int, Unit]) -> dict[str, ExperimentTally]:
        """The tallies that `units` hold, by name. Raises `InvalidInput` where they hold something else."""
        if not units:
            return {}
        try:
            head = _head_decoder.decode(units[0])
            tallies = {entry.experiment.name: _tally(entry, units) for entry in head.entries}
        except (msgspec.MsgspecError, KeyError, ValueError, struct.error) as error:
            raise InvalidInput("state", f"expected results of experiments: {error}") from error
        self._written = dict(units)
        self._next = head.next_unit
        self._numbers = {entry.experiment.name: entry for entry in head.entries}
        return tallies

    def changes(self, tallies: Mapping[str, ExperimentTally]) -> SideDelta:
        """What is different since the last call, or since `read`; nothing before the first tally."""
        if not tallies and not self._written:
            return SideDelta()
        wanted: dict[int, Unit] = {}
        self._numbers = {name: self._entry(name, tally, wanted) for name, tally in tallies.items()}
        wanted[0] = _head_encoder.encode(_Head(list(self._numbers.values()), self._next))
        changed = {number: unit for number, unit in wanted.items() if self._written.get(number) != unit}
        dropped = frozenset(self._written.keys() - wanted.keys())
        self._written = wanted
        return SideDelta(changed, dropped)

    def _entry(self, name: str, tally: ExperimentTally, wanted: dict[int, Unit]) -> _Entry:
        before = self._numbers.get(name)
        paths = self._number() if before is None else before.paths
        keys = [] if before is None else list(before.keys)
        wanted[paths] = _head_encoder.encode(tally.paths)
        for place in range(-(-len(tally.keys) // CHUNK_KEYS)):
            if place == len(keys):
                keys.append(self._number())
            number = keys[place]
            written = self._written.get(number, b"")
            full = len(written) == 8 * CHUNK_KEYS
            wanted[number] = written if full else _packed(tally.keys, place)
        return _Entry(tally.experiment, tally.arms_sums, tally.ratio_doubt, paths, keys)

    def _number(self) -> int:
        self._next += 1
        return self._next - 1


def _packed(keys: list[int], place: int) -> bytes:
    chunk = keys[place * CHUNK_KEYS : (place + 1) * CHUNK_KEYS]
    return struct.pack(f"<{len(chunk)}Q", *chunk)


def _tally(entry: _Entry, units: Mapping[int, Unit]) -> ExperimentTally:
    keys: list[int] = []
    for number in entry.keys:
        packed = units[number]
        keys += struct.unpack(f"<{len(packed) // 8}Q", packed)
    paths = _paths_decoder.decode(units[entry.paths])
    return ExperimentTally(entry.experiment, entry.arms, paths, keys, entry.doubt)
