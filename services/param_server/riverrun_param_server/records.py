"""What is kept of a model beside its versions: one immutable record, stored as one sealed row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from hashlib import sha256

import msgspec

from riverrun.core.events import NO_POSITIONS, OffsetRange, Positions, Suspect
from riverrun.core.experiments import Experiment
from riverrun.core.retraining import RetrainState
from riverrun.core.versions import Channel, Line


@dataclass(frozen=True, slots=True)
class LineRecord:
    """One line. `parent` is the version that it starts from, 0 for none; `head` is `parent` until a push.

    `start` and `skipped` are where the line reads from and what it leaves out until its first push.
    `successor` is the line where learning went on when this one was closed, 0 for none.
    `clean`: no session was opened since one said goodbye. `attempt` is what the present or last one was
    about to learn, `suspects` what sessions before it did not survive: see `suspicion`.
    `retrain` and `since_ns` are as in `Line`.
    """

    number: int
    spec_sha: bytes
    spec_digest: bytes
    parent: int = 0
    head: int = 0
    epoch: int = 0
    closed: bool = False
    successor: int = 0
    start: Positions = field(default_factory=lambda: NO_POSITIONS)
    skipped: tuple[OffsetRange, ...] = ()
    clean: bool = True
    attempt: OffsetRange | None = None
    suspects: tuple[Suspect, ...] = ()
    retrain: bool = False
    since_ns: int = 0

    @property
    def pushed(self) -> bool:
        """Whether `head` is a version of this line, not its parent."""
        return self.head != self.parent

    def as_line(self) -> Line:
        return Line(
            self.number,
            self.head,
            self.epoch,
            self.spec_digest,
            self.closed,
            self.retrain and not self.closed,
            self.since_ns,
        )


@dataclass(frozen=True, slots=True)
class RetrainRecord:
    """A retrain; its fields are those of `riverrun.core.retraining.Retrain`."""

    line: int
    reason: str
    automatic: bool
    started_ns: int
    since_ns: int = 0
    state: RetrainState = RetrainState.RUNNING
    ended_ns: int = 0
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A registered model. The counters only grow, also through deletion, so that nothing is ever reused.

    `next_version` is one above the highest version number promised. `generation_floor` is the highest
    generation of any channel that was removed. `tail_version` and `tail_id` name the newest row of
    `versions`, so that a lost row is noticed. `deleted_ns` 0 means not deleted. `retrains` are the
    newest, oldest first, `experiments` the one that runs and those that ended last. `records` counts what
    the journal was given.

    Of gates: `enforced` are the shas of specs whose gate enforces, `passed` the versions that have their good
    mark by themselves, oldest first, and `gate_hold` the generation at which a gate held live last.
    """

    id: int
    name: str
    spec_sha: bytes
    spec_revision: int
    created_ns: int
    next_version: int = 1
    next_line: int = 1
    generation_floor: int = 0
    lines: tuple[LineRecord, ...] = ()
    channels: tuple[Channel, ...] = ()
    tail_version: int = 0
    tail_id: bytes = b""
    deleted_ns: int = 0
    retrains: tuple[RetrainRecord, ...] = ()
    records: int = 0
    experiments: tuple[Experiment, ...] = ()
    enforced: tuple[bytes, ...] = ()
    passed: tuple[int, ...] = ()
    gate_hold: int = 0

    def line(self, number: int) -> LineRecord | None:
        """The line with that number, or None."""
        return next((line for line in self.lines if line.number == number), None)

    def channel(self, name: str) -> Channel | None:
        """The channel called `name`, or None."""
        return next((channel for channel in self.channels if channel.name == name), None)

    def with_line(self, line: LineRecord) -> ModelRecord:
        """This record with `line` in place of the one of the same number, or added."""
        others = [line if old.number == line.number else old for old in self.lines]
        if line.number not in {old.number for old in self.lines}:
            others.append(line)
        return replace(self, lines=tuple(others), next_line=max(self.next_line, line.number + 1))

    def with_version(self, version: int, line: LineRecord, moved: Iterable[Channel]) -> ModelRecord:
        """This record once `version` is in `line`, one of its own, and the channels `moved` are there."""
        lines = tuple(line if old.number == line.number else old for old in self.lines)
        by_name = {channel.name: channel for channel in moved}
        channels = tuple(by_name.get(old.name, old) for old in self.channels)
        return replace(self, lines=lines, channels=channels, next_version=version + 1)

    def with_channel(self, channel: Channel) -> ModelRecord:
        """This record with `channel` in place of the one of the same name, or added; by name."""
        others = [old for old in self.channels if old.name != channel.name]
        return replace(self, channels=tuple(sorted([*others, channel], key=lambda c: c.name)))

    def without_channel(self, name: str) -> ModelRecord:
        """This record without that channel; a later one of the name goes on above its generation."""
        gone = self.channel(name)
        floor = self.generation_floor if gone is None else max(self.generation_floor, gone.generation)
        kept = tuple(channel for channel in self.channels if channel.name != name)
        return replace(self, channels=kept, generation_floor=floor)

    def experiment(self, name: str) -> Experiment | None:
        """The experiment called `name`, or None."""
        return next((one for one in self.experiments if one.name == name), None)

    @property
    def running_experiment(self) -> Experiment | None:
        """The experiment that runs, or None."""
        return next((one for one in self.experiments if one.is_running), None)

    def with_experiment(self, experiment: Experiment) -> ModelRecord:
        """This record with `experiment` in place of the one of the same name."""
        changed = [experiment if one.name == experiment.name else one for one in self.experiments]
        return replace(self, experiments=tuple(changed))

    def next_generation(self, name: str) -> int:
        """The generation of the next move of the channel called `name`, which may be new."""
        channel = self.channel(name)
        return (self.generation_floor if channel is None else channel.generation) + 1

    def open_successor(self, number: int) -> LineRecord | None:
        """The line itself where it is open, else the open line where its learning went on, or None."""
        line = self.line(number)
        while line is not None and line.closed:
            line = self.line(line.successor) if line.successor else None
        return line

    @property
    def open_lines(self) -> tuple[LineRecord, ...]:
        return tuple(line for line in self.lines if not line.closed)

    @property
    def trained_lines(self) -> tuple[LineRecord, ...]:
        """The open lines that the model's trainer learns: no retrain is among them."""
        return tuple(line for line in self.open_lines if not line.retrain)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(ModelRecord)


def encode_record(record: ModelRecord) -> tuple[bytes, bytes]:
    """`record` as bytes, and the seal that proves them."""
    body = _encoder.encode(record)
    return body, seal(record.name, body)


def decode_record(body: bytes) -> ModelRecord:
    """The record that `body` holds; raises `msgspec.DecodeError`."""
    return _decoder.decode(body)


def seal(key: str, body: bytes) -> bytes:
    """The checksum of a row that holds `body` under `key`."""
    return sha256(key.encode() + b"\x00" + body).digest()
