"""A real parameter server on loopback, and a trainer of arbitrary units."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from riverrun_param_server.app import Running, running
from riverrun_param_server.settings import ParamServerSettings

from riverrun.codec.wire import decode_side, encode_side
from riverrun.core.digest import HashTree
from riverrun.core.events import Positions
from riverrun.core.units import SideDelta
from riverrun.rpc.channels import open_channel
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.watching import Change, Have, Watch
from riverrun.rpc.weights import Pulled, Push

SPEC = """\
name: flights
task: binary
model:
  - linear_model.LogisticRegression: {}
features:
  distance: float
"""

OTHER_LINE = SPEC + "  hour: int\n"
OTHER_POLICY = SPEC + "publish: {every_events: 10}\n"

LARGE = 200_000

DEADLINE_S = 60.0
"""Of calls, far past what a machine that stalls takes."""


@dataclass
class Units:
    """A state of numbered units with its roots: what a trainer would hold."""

    serving: dict[int, bytes] = field(default_factory=dict)
    trainer: dict[int, bytes] = field(default_factory=dict)
    next_unit: int = 0

    def copy(self) -> Units:
        return Units(dict(self.serving), dict(self.trainer), self.next_unit)

    @property
    def roots(self) -> tuple[bytes, bytes]:
        return HashTree(self.serving).root, HashTree(self.trainer).root


_ids = itertools.count(1)


def a_push(
    units: Units,
    *,
    base: int,
    epoch: int,
    line: int = 1,
    model: str = "flights",
    serving: SideDelta | None = None,
    trainer: SideDelta | None = None,
    positions: Positions | None = None,
    push_id: str = "",
) -> Push:
    """A push of these changes on top of `units`, which take them in."""
    serving, trainer = serving or SideDelta(), trainer or SideDelta()
    serving.apply_in_place(units.serving)
    trainer.apply_in_place(units.trainer)
    units.next_unit = max([units.next_unit, *(n + 1 for n in [*units.serving, *units.trainer])])
    roots = units.roots
    return Push(
        model=model,
        line=line,
        epoch=epoch,
        base_version=base,
        push_id=push_id or f"push-{next(_ids)}",
        serving=encode_side(serving),
        trainer=encode_side(trainer),
        snapshot=False,
        serving_root=roots[0],
        trainer_root=roots[1],
        next_unit=units.next_unit,
        positions=positions or {},
    )


def change(*numbers: int, to: bytes) -> SideDelta:
    """These units, each with a payload of its own."""
    return SideDelta({n: b"%d:" % n + to for n in numbers})


def held_by(pulled: Pulled, have: dict[int, bytes] | None = None) -> dict[int, bytes]:
    """The serving units after a pull; `have` are those of its base."""
    delta = decode_side(pulled.serving, max_bytes=1 << 30)
    if pulled.base_version == 0:
        return delta.apply({})
    assert have is not None
    return delta.apply(have)


@dataclass
class Stack:
    """A running server and a client of it; `restart` stops it and starts another over the same folder."""

    running: Running
    client: ParameterClient
    settings: ParamServerSettings

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.running.port}"


@contextlib.asynccontextmanager
async def stack_over(settings: ParamServerSettings) -> AsyncIterator[Stack]:
    async with running(settings) as server:
        roots = asyncio.create_task(server.wait())
        channel = open_channel(f"127.0.0.1:{server.port}")
        try:
            yield Stack(server, ParameterClient(channel, deadline_s=DEADLINE_S), settings)
        finally:
            await channel.close()
            server.stop.ask()
            await asyncio.gather(roots, return_exceptions=True)


@contextlib.asynccontextmanager
async def watching(
    address: str,
    *,
    have: Sequence[Have] = (),
    have_store_id: str = "",
    models: Sequence[str] = (),
    catalogue_only: bool = False,
    reader_id: str = "",
) -> AsyncIterator[tuple[Watch, list[Change]]]:
    """A watch on a connection of its own, and everything it has heard so far."""
    channel = open_channel(address)
    watch = Watch(
        ParameterClient(channel),
        have=lambda: (have_store_id, have),
        models=models,
        catalogue_only=catalogue_only,
        reader_id=reader_id,
        address="host:1",
    )
    heard: list[Change] = []

    async def listen() -> None:
        async for change_ in watch.changes():
            heard.append(change_)

    task = asyncio.create_task(listen())
    try:
        yield watch, heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await channel.close()


async def eventually(holds: Callable[[], bool], within_s: float = 60.0) -> None:
    """Return once `holds`; fails after the bound."""
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(0.01)
