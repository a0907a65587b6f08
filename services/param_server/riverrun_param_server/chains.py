"""How a version is reached from what is stored: a snapshot, then deltas."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from riverrun.codec.wire import decode_side
from riverrun.core.units import Delta, State
from riverrun_param_server import version_rows
from riverrun_param_server.version_rows import Body, VersionRow

TOO_MUCH = 4
"""A chain of deltas this many times as large as the snapshot is not worth composing."""


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways to a version; deltas oldest first.

    `from_have` are the deltas from what the caller has, None where there are none or too many;
    `from_snapshot` are those after `snapshot`.
    """

    target: VersionRow
    snapshot: Body
    from_snapshot: tuple[Body, ...]
    from_have: tuple[Body, ...] | None = None


def find_ways(connection: sqlite3.Connection, target: VersionRow, have: int) -> Ways:
    """Walk from `target` towards older versions until both ways are known, or `have` is out of reach."""
    deltas: list[Body] = []
    snapshot: Body | None = None
    after_snapshot: tuple[Body, ...] = ()
    from_have: tuple[Body, ...] | None = None
    row, size = target, 0
    while True:
        if have and row.version == have:
            from_have = tuple(reversed(deltas))
        if snapshot is None and row.snapshot is not None:
            snapshot, after_snapshot = row.snapshot, tuple(reversed(deltas))
        if snapshot is not None:
            too_much = size > TOO_MUCH * max(snapshot.serving_bytes, 1 << 16)
            if from_have is not None or row.version <= have or not have or row.delta is None or too_much:
                return Ways(target, snapshot, after_snapshot, from_have)
        assert row.delta is not None, f"version {row.version} has no body"
        deltas.append(row.delta)
        size += row.delta.serving_bytes
        base = version_rows.select(connection, row.model, row.base)
        assert base is not None, f"version {row.base} is the base of {row.version} and is not there"
        row = base


def decode_delta(serving: bytes, trainer: bytes, *, max_bytes: int, next_unit: int = 0) -> Delta:
    """Two encoded sides as a delta. Raises what `decode_side` raises."""
    return Delta(
        decode_side(serving, max_bytes=max_bytes), decode_side(trainer, max_bytes=max_bytes), next_unit
    )


def apply_all(bodies: Sequence[tuple[bytes, bytes]], *, max_bytes: int, next_unit: int) -> State:
    """The state that a snapshot and then deltas lead to. Blocks for as long as that takes."""
    serving: dict[int, bytes] = {}
    trainer: dict[int, bytes] = {}
    for encoded_serving, encoded_trainer in bodies:
        decode_side(encoded_serving, max_bytes=max_bytes).apply_in_place(serving)
        decode_side(encoded_trainer, max_bytes=max_bytes).apply_in_place(trainer)
    return State(serving, trainer, next_unit)
