"""Weights of stored versions: whole states, and what leads from one version to another."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from riverrun.codec.wire import encode_side
from riverrun.core.errors import NotFound
from riverrun.core.units import Delta, State, compose
from riverrun_param_server.chains import Walk, Ways, apply_all, decode_delta
from riverrun_param_server.store import Store
from riverrun_param_server.version_rows import Body

T = TypeVar("T")


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

        async def read() -> tuple[State, int, int]:
            ways = await self._ways(model, version, 0)
            bodies = await self._bodies(ways.snapshot, *ways.from_snapshot)
            next_unit = ways.target.stored.manifest.next_unit
            state = await asyncio.to_thread(apply_all, bodies, max_bytes=self.max_bytes, next_unit=next_unit)
            return state, len(ways.from_snapshot), sum(body.size for body in ways.from_snapshot)

        return await _again_if_gone(read)

    async def encoded(self, model: int, version: int, have: int) -> tuple[int, bytes, bytes]:
        """What leads to `version` from `have` where that is shorter, else from nothing.

        The base (0: none) and both encoded sides. Raises `NotFound`.
        """

        async def read() -> tuple[int, bytes, bytes]:
            return await self._shortest(await self._ways(model, version, have), have)

        return await _again_if_gone(read)

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
        target = await self._store.row(model, version)
        if target is None:
            raise NotFound("version", str(version))
        walk = Walk(target, have)
        while True:
            ways = await self._store.run(walk.step)
            if ways is not None:
                return ways

    async def _bodies(self, *bodies: Body) -> list[tuple[bytes, bytes]]:
        return [await self._store.read_body(body) for body in bodies]


async def _again_if_gone(read: Callable[[], Awaitable[T]]) -> T:
    """The result of `read`, begun anew when a version that it came by was dropped meanwhile."""
    for _ in range(4):
        with contextlib.suppress(FileNotFoundError):
            return await read()
    return await read()


def encode_delta(delta: Delta) -> tuple[bytes, bytes]:
    """Both sides as bytes. Blocks for as long as that takes."""
    return encode_side(delta.serving), encode_side(delta.trainer)


def encode_state(state: State) -> tuple[bytes, bytes]:
    """A whole state as bytes."""
    return encode_delta(state.as_snapshot())
