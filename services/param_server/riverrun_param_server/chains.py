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

STEP = 256
"""Versions walked in one go: a push must not wait for a long walk."""


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


class Walk:
    """Walks from a version towards older ones until both ways are known, or `have` is out of reach."""

    def __init__(self, target: VersionRow, have: int) -> None:
        self._target = target
        self._have = have
        self._row = target
        self._deltas: list[Body] = []
        self._bytes = 0
        self._snapshot: Body | None = None
        self._after_snapshot: tuple[Body, ...] = ()
        self._from_have: tuple[Body, ...] | None = None

    def step(self, connection: sqlite3.Connection) -> Ways | None:
        """Go on for a bounded number of versions; the ways, once they are known."""
        for _ in range(STEP):
            ways = self._look()
            if ways is not None:
                return ways
            row = self._row
            assert row.delta is not None, f"version {row.version} has no body"
            self._deltas.append(row.delta)
            self._bytes += row.delta.serving_bytes
            base = version_rows.select(connection, row.model, row.base)
            if base is None:
                # It was dropped since the walk began, and what starts from it was given another base.
                raise FileNotFoundError(f"version {row.base}")
            self._row = base
        return None

    def _look(self) -> Ways | None:
        row, have = self._row, self._have
        if have and row.version == have:
            self._from_have = tuple(reversed(self._deltas))
        if self._snapshot is None and row.snapshot is not None:
            self._snapshot, self._after_snapshot = row.snapshot, tuple(reversed(self._deltas))
        if self._snapshot is None:
            return None
        too_much = self._bytes > TOO_MUCH * max(self._snapshot.serving_bytes, 1 << 16)
        if self._from_have is None and have and row.version > have and row.delta is not None and not too_much:
            return None
        return Ways(self._target, self._snapshot, self._after_snapshot, self._from_have)


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
