"""When and how a line's head gets a snapshot, so that no chain of deltas grows without end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from riverrun.core.errors import RiverrunError
from riverrun.core.units import State
from riverrun_param_server.catalogue import Model
from riverrun_param_server.completion import Completion
from riverrun_param_server.store import Store
from riverrun_param_server.version_reader import encode_state
from riverrun_param_server.version_rows import VersionRow

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SnapshotPolicy:
    """A snapshot is due once reading the deltas since the last one costs more than reading it.

    Each delta counts its bytes and `delta_cost_bytes` more, for its row.
    """

    factor: float = 2.0
    min_bytes: int = 1 << 20
    delta_cost_bytes: int = 4096

    def is_due(self, deltas: int, delta_bytes: int, state_bytes: int) -> bool:
        """Whether the head needs a snapshot, `deltas` after the last one."""
        cost = delta_bytes + self.delta_cost_bytes * deltas
        return cost >= max(self.min_bytes, self.factor * state_bytes)


class Snapshots:
    """Makes snapshots in the background, one at a time for each line; pushes do not wait for them."""

    def __init__(self, store: Store, completion: Completion, policy: SnapshotPolicy) -> None:
        self._store = store
        self._completion = completion
        self._policy = policy
        self._since: dict[tuple[int, int], tuple[int, int]] = {}
        self._making: set[tuple[int, int]] = set()

    def loaded(self, model: Model, line: int, deltas: int, delta_bytes: int) -> None:
        """A line was read back from a snapshot and that many deltas."""
        self._since[(model.record.id, line)] = (deltas, delta_bytes)

    def pushed(self, model: Model, line: int, row: VersionRow) -> None:
        """`row` became the line's head; begins a snapshot of it where one is due."""
        key = (model.record.id, line)
        if row.delta is None:
            self._since[key] = (0, 0)
            return
        deltas, delta_bytes = self._since.get(key, (0, 0))
        self._since[key] = deltas, delta_bytes = deltas + 1, delta_bytes + row.delta.size
        state = model.states[line]
        if key not in self._making and self._policy.is_due(deltas, delta_bytes, state.size):
            self._making.add(key)
            self._since[key] = (0, 0)
            # Copied now: the next push changes what is there.
            self._completion.start(self._make(key, row, state.state()))

    async def _make(self, key: tuple[int, int], row: VersionRow, state: State) -> None:
        try:
            serving, trainer = await asyncio.to_thread(encode_state, state)
            await self._store.attach_snapshot(row, serving, trainer)
        except RiverrunError as error:
            # A full disk: the chain of deltas serves on, and the next push past the bound tries again.
            log.warning("a snapshot could not be kept", version=row.version, reason=str(error))
        finally:
            self._making.discard(key)
