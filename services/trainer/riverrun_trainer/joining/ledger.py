"""What was decided of each stream, committed with the version: the join's part of the trainer's state.

Unit 0 holds the watermark, the ranges that are not to be learned and, for each partition of each stream, its
position (the first event that was not taken) and its floor (the oldest event that still matters: a restart
reads from there). The other units are
blocks of bits for the events above the floor: which are decided, and which predictions were learned as early
negatives (DECISIONS 21).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from riverrun.core.errors import InvalidInput
from riverrun.core.events import LoggedEvent, OffsetRange, Offsets, Stream
from riverrun.core.units import NO_UNITS, SideDelta, Unit
from riverrun_trainer.joining.offset_set import OffsetSet
from riverrun_trainer.joining.open_offsets import OpenOffsets

SLOT_BITS = 28
"""Blocks of one table of bits; its first unit is 1 + (table << SLOT_BITS)."""

Place = tuple[Stream, int, int]
"""Where an event is: stream, partition, offset."""


class _Head(msgspec.Struct, array_like=True):
    watermark_ns: int
    streams: list[tuple[str, int, int, int]]
    skipped: list[tuple[str, int, int, int]] = []


class _Partition:
    """One partition of one stream."""

    __slots__ = ("decided", "early", "floor", "open", "position", "reached")

    def __init__(self, position: int = 0, floor: int = 0) -> None:
        self.position = position
        self.floor = floor
        # Where this process has come to: after a restart it is the floor, and below the position.
        self.reached = floor
        self.open = OpenOffsets()
        self.decided = OffsetSet()
        self.early = OffsetSet()

    def move_floor(self) -> None:
        """Bring the floor to the oldest open event, and let go of the bits below."""
        first = self.open.first()
        floor = max(self.floor, self.reached if first is None else first)
        if floor != self.floor:
            self.floor = floor
            self.decided.drop_below(floor)
            self.early.drop_below(floor)


class Ledger:
    """Positions, floors and decisions of the streams that the join reads.

    Of examples it holds where those lie that marked an id; how far they were learned is not its matter.
    """

    def __init__(self, units: Mapping[int, Unit] = NO_UNITS) -> None:
        """Raises `InvalidInput` where `units` are not those of a ledger."""
        self._partitions: dict[tuple[Stream, int], _Partition] = {}
        self._head = units.get(0)
        self._skipped: list[OffsetRange] = []
        self.watermark_ns = 0
        self.changes_left = 0
        """Steps taken since the last `changes` call."""
        if self._head is not None:
            self._restore(self._head, units)

    def starts(self, stream: Stream) -> Offsets:
        """From where the stream is read: its floors. A partition that is not there was never read."""
        return {n: p.floor for (of, n), p in self._partitions.items() if of is stream}

    def positions(self, stream: Stream) -> Offsets:
        """The first offset of each partition that was not taken."""
        return {n: p.position for (of, n), p in self._partitions.items() if of is stream}

    def take(self, stream: Stream, event: LoggedEvent) -> Place:
        """Note that `event` was taken, anew or again; it is open until `close`."""
        partition = self._partition(stream, event.partition)
        partition.reached = event.offset + 1
        partition.position = max(partition.position, partition.reached)
        partition.open.open(event.offset)
        self.changes_left += 1
        return (stream, event.partition, event.offset)

    def pass_by(self, stream: Stream, offsets: Offsets) -> None:
        """All below `offsets` was looked at, and what was not taken is of no matter here."""
        for number, offset in offsets.items():
            partition = self._partition(stream, number)
            partition.reached = max(partition.reached, offset)
            partition.position = max(partition.position, offset)

    def was_taken(self, stream: Stream, event: LoggedEvent) -> bool:
        """Whether `event` was taken before, by the trainer that this one goes on from."""
        return event.offset < self._partition(stream, event.partition).position

    def is_decided(self, place: Place) -> bool:
        """Whether the event there was learned or set aside, or its silence was."""
        return place[2] in self._partition(place[0], place[1]).decided

    def decide(self, place: Place) -> None:
        """The event there is decided, for good."""
        self._partition(place[0], place[1]).decided.add(place[2])
        self.changes_left += 1

    def is_early(self, place: Place) -> bool:
        """Whether the prediction there was learned as an early negative."""
        return place[2] in self._partition(place[0], place[1]).early

    def mark_early(self, place: Place) -> None:
        """The prediction there was learned as an early negative."""
        self._partition(place[0], place[1]).early.add(place[2])
        self.changes_left += 1

    def close(self, place: Place) -> None:
        """Nothing depends on the event there any more; it is decided."""
        self._partition(place[0], place[1]).open.close(place[2])
        self.changes_left += 1

    def skip(self, ranges: Iterable[OffsetRange]) -> None:
        """What lies in `ranges` is decided without being learned, once it is read."""
        self._skipped += ranges
        self.changes_left += 1

    def is_skipped(self, place: Place) -> bool:
        """Whether the event there lies in a range that is not to be learned."""
        return bool(self._skipped) and any(
            one.stream is place[0] and one.partition == place[1] and one.start <= place[2] < one.end
            for one in self._skipped
        )

    def changes(self) -> SideDelta:
        """See `StatePart.changes`."""
        self.changes_left = 0
        changed: dict[int, Unit] = {}
        dropped: set[int] = set()
        for index, partition in enumerate(self._partitions.values()):
            partition.move_floor()
            for bits, table in ((partition.decided, 2 * index), (partition.early, 2 * index + 1)):
                blocks, gone = bits.take_changes()
                first = _first_unit(table)
                changed |= {first + number: block for number, block in blocks.items()}
                dropped |= {first + number for number in gone}
        self._skipped = [one for one in self._skipped if one.end > self._floor_of(one)]
        head = self._encoded_head()
        if head is not None and head != self._head:
            self._head = changed[0] = head
        return SideDelta(changed, frozenset(dropped))

    def _encoded_head(self) -> Unit | None:
        if not self._partitions:
            return None
        streams = [
            (stream.value, number, partition.position, partition.floor)
            for (stream, number), partition in self._partitions.items()
        ]
        skipped = [(one.stream.value, one.partition, one.start, one.end) for one in self._skipped]
        return msgspec.msgpack.encode(_Head(self.watermark_ns, streams, skipped))

    def _restore(self, head: Unit, units: Mapping[int, Unit]) -> None:
        try:
            found = msgspec.msgpack.decode(head, type=_Head)
            self.watermark_ns = found.watermark_ns
            for name, number, position, floor in found.streams:
                self._partitions[(Stream(name), number)] = _Partition(position, floor)
            self._skipped = [OffsetRange(Stream(name), *rest) for name, *rest in found.skipped]
        except (msgspec.DecodeError, ValueError) as error:
            raise InvalidInput("state", "expected the head of a join's decisions") from error
        tables: dict[int, dict[int, bytes]] = {}
        for number, block in units.items():
            if number:
                table, at = divmod(number - 1, 1 << SLOT_BITS)
                tables.setdefault(table, {})[at] = block
        for index, partition in enumerate(self._partitions.values()):
            partition.decided = OffsetSet(tables.get(2 * index))
            partition.early = OffsetSet(tables.get(2 * index + 1))

    def _floor_of(self, skipped: OffsetRange) -> int:
        found = self._partitions.get((skipped.stream, skipped.partition))
        return 0 if found is None else found.floor

    def _partition(self, stream: Stream, number: int) -> _Partition:
        found = self._partitions.get((stream, number))
        if found is None:
            found = self._partitions[(stream, number)] = _Partition()
        return found


def _first_unit(table: int) -> int:
    return 1 + (table << SLOT_BITS)
