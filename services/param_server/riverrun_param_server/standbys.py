"""Standbys: trainers that wait for a line which another one holds."""

from __future__ import annotations

import asyncio
from collections import deque

from riverrun.core.errors import RiverrunError
from riverrun_param_server.session import LineKey


class Standbys:
    """Those who wait, by line, in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: dict[LineKey, deque[asyncio.Future[None]]] = {}

    async def wait(self, key: LineKey) -> None:
        """Return when it is the caller's turn to look at the line; raises what `end` was given."""
        waiting = self._waiting.setdefault(key, deque())
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # The turn came and will not be taken.
                self.wake_next(key)
            raise
        finally:
            waiting.remove(turn)

    def wake_next(self, key: LineKey) -> None:
        """The line is free: the first that waits for it gets its turn."""
        for standby in self._waiting.get(key, ()):
            if not standby.done():
                standby.set_result(None)
                return

    def wake_all(self, key: LineKey) -> None:
        """Nothing is to be had of the line any more: all who wait for it get their turn."""
        for standby in self._waiting.get(key, ()):
            if not standby.done():
                standby.set_result(None)

    def end(self, error: RiverrunError) -> None:
        """Nobody gets a turn any more: all who wait are told `error`."""
        for standby in [s for waiting in self._waiting.values() for s in waiting if not s.done()]:
            standby.set_exception(error)
