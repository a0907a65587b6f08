"""Weights of stored versions: whole states, and what leads from one version to another."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence

from riverrun.codec.wire import encode_side
from riverrun.core.errors import NotFound
from riverrun.core.units import Delta, State, compose
from riverrun_param_server.chains import Ways, apply_all, decode_delta, find_ways
from riverrun_param_server.store import Store
from riverrun_param_server.version_rows import Body, select

_ATTEMPTS = 5


class VersionReader:
    """Reads what a chain names. A version may go between looking and reading: then it is looked up anew."""

    def __init__(self, store: Store, *, max_model_bytes: int) -> None:
        self._store = store
        # A side may grow past what is kept by what its units' numbers and framing take.
        self.max_bytes = 2 * max_model_bytes

    async def state(self, model: int, version: int) -> State:
        """Both sides of a version. Raises `NotFound`."""
        return (await self.state_and_chain(model, version))[0]

    async def state_and_chain(self, model: int, version: int) -> tuple[State, int, int]:
        """Both sides of a version; how many deltas, of how many bytes, came after the snapshot."""
        for attempt in range(_ATTEMPTS):
            ways = await self._ways(model, version, 0)
            try:
                bodies = await self._bodies(ways.snapshot, *ways.from_snapshot)
            except FileNotFoundError:
                if attempt == _ATTEMPTS - 1:
                    raise
                continue
            next_unit = ways.target.stored.manifest.next_unit
            state = await asyncio.to_thread(apply_all, bodies, max_bytes=self.max_bytes, next_unit=next_unit)
            return state, len(ways.from_snapshot), sum(body.size for body in ways.from_snapshot)
        raise AssertionError

    async def encoded(self, model: int, version: int, have: int) -> tuple[int, bytes, bytes]:
        """What leads to `version` from `have` where that is shorter, else from nothing.

        The base (0: none) and both encoded sides. Raises `NotFound`.
        """
        for attempt in range(_ATTEMPTS):
            ways = await self._ways(model, version, have)
            try:
                return await self._shortest(ways, have)
            except FileNotFoundError:
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError

    async def _shortest(self, ways: Ways, have: int) -> tuple[int, bytes, bytes]:
        delta: tuple[bytes, bytes] | None = None
        if ways.from_have is not None:
            delta = await self._composed(await self._bodies(*ways.from_have))
            if len(delta[0]) <= ways.snapshot.serving_bytes:
                return have, *delta
        whole = await self._whole(ways)
        # The nearest snapshot may be of a state that has grown since.
        if delta is not None and len(delta[0]) <= len(whole[0]):
            return have, *delta
        return 0, *whole

    async def _whole(self, ways: Ways) -> tuple[bytes, bytes]:
        bodies = await self._bodies(ways.snapshot, *ways.from_snapshot)
        if len(bodies) == 1:
            return bodies[0]
        state = await asyncio.to_thread(apply_all, bodies, max_bytes=self.max_bytes, next_unit=0)
        return await asyncio.to_thread(encode_state, state)

    async def _composed(self, bodies: Sequence[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
        if len(bodies) == 1:
            return bodies[0]

        def work() -> tuple[bytes, bytes]:
            return encode_delta(compose(decode_delta(*body, max_bytes=self.max_bytes) for body in bodies))

        return await asyncio.to_thread(work)

    async def _ways(self, model: int, version: int, have: int) -> Ways:
        def work(connection: sqlite3.Connection) -> Ways:
            row = select(connection, model, version)
            if row is None:
                raise NotFound("version", str(version))
            return find_ways(connection, row, have)

        return await self._store.run(work)

    async def _bodies(self, *bodies: Body) -> list[tuple[bytes, bytes]]:
        return [await self._store.read_body(body) for body in bodies]


def encode_delta(delta: Delta) -> tuple[bytes, bytes]:
    """Both sides as bytes. Blocks for as long as that takes."""
    return encode_side(delta.serving), encode_side(delta.trainer)


def encode_state(state: State) -> tuple[bytes, bytes]:
    """A whole state as bytes."""
    return encode_delta(state.as_snapshot())
