"""What durability costs: pushes and appends that are on disk when answered, beside the disk's own sync.

One client pushes small versions one after the other over a trainer's session, then appends events one by
one; each of its calls takes turns with a write of 4 KiB and fdatasync in the same folder. Then many
clients append at once, so that one sync carries many events. The server is a process of its own with its
ordinary settings.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import grpc

from benchmarks.figures import Figure, rounded
from benchmarks.stack import new_stack
from riverrun.codec.wire import encode_side
from riverrun.core.digest import HashTree
from riverrun.core.events import NewEvent, Stream
from riverrun.core.units import SideDelta
from riverrun.rpc.channels import open_channel
from riverrun.rpc.event_log import RemoteEventLog
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.trainer_session import TrainerSession, open_session
from riverrun.rpc.weights import Push

CALLS = 1000
APPENDERS = 64
BATCH = 100
AT_ONCE_S = 5.0
UNIT_BYTES = 300
BODY = b'{"id":"7d0c","label":true,"weight":1.0}'
MODEL = "durable"
SPEC = f"""\
name: {MODEL}
task: binary
model:
  - linear_model.LogisticRegression: {{}}
features:
  a: float
"""
ONE_BY_ONE = "one client, one call at a time, each in turn with 4 KiB and fdatasync in the same folder"


class Disk:
    """The disk's own sync, on a file that is written in place, as a database's journal is."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "probe", os.O_RDWR | os.O_CREAT)
        os.pwrite(self._file, bytes(4096), 0)
        os.fsync(self._file)

    def sync(self) -> float:
        """Seconds of a write of 4 KiB and its fdatasync."""
        started = time.perf_counter()
        os.pwrite(self._file, os.urandom(4096), 0)
        os.fdatasync(self._file)
        return time.perf_counter() - started

    def close(self) -> None:
        os.close(self._file)


@contextlib.asynccontextmanager
async def hearing(session: TrainerSession) -> AsyncIterator[None]:
    """Take in what the session says, and report progress, while the block runs."""

    async def report() -> None:
        while True:
            await session.report(examples=0)
            await asyncio.sleep(1)

    async def hear() -> None:
        async for _ in session.changed_specs():
            pass

    tasks = [asyncio.create_task(report()), asyncio.create_task(hear())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Pusher:
    """A trainer of one unit, which changes with every version."""

    def __init__(self, session: TrainerSession) -> None:
        self._session = session
        self._tree = HashTree()
        self._empty = HashTree().root
        self._version = 0

    async def push(self) -> None:
        """One version, on disk when this returns."""
        delta = SideDelta({0: os.urandom(UNIT_BYTES)})
        self._tree.update(delta)
        push = Push(
            model=MODEL,
            line=1,
            epoch=self._session.opened.epoch,
            base_version=self._version,
            push_id=f"push-{self._version}",
            serving=encode_side(delta),
            trainer=encode_side(SideDelta()),
            snapshot=False,
            serving_root=self._tree.root,
            trainer_root=self._empty,
            next_unit=1,
        )
        pushed = await self._session.push(push)
        assert pushed is not None, "the push was refused"
        self._version = pushed.version


async def in_turn(call: Callable[[], Awaitable[None]], disk: Disk) -> tuple[list[float], list[float]]:
    """Seconds of each call, and of each sync of the disk in between."""
    calls, syncs = list[float](), list[float]()
    for _ in range(CALLS):
        syncs.append(disk.sync())
        started = time.perf_counter()
        await call()
        calls.append(time.perf_counter() - started)
    return calls, syncs


async def at_once(channel: grpc.aio.Channel, clients: int, batch: int) -> float:
    """Events a second that `clients` append at once, `batch` in each call."""
    log = RemoteEventLog(channel)
    ends = time.perf_counter() + AT_ONCE_S
    done = 0

    async def append(client: int) -> None:
        nonlocal done
        count = 0
        while time.perf_counter() < ends:
            ids = [f"{clients}-{batch}-{client}-{count + n}" for n in range(batch)]
            await log.append(MODEL, Stream.LABELS, [NewEvent(event_id, BODY) for event_id in ids])
            count += batch
            done += batch

    started = time.perf_counter()
    await asyncio.gather(*(append(client) for client in range(clients)))
    return done / (time.perf_counter() - started)


def latencies(name: str, calls: Sequence[float], syncs: Sequence[float]) -> list[Figure]:
    """p50 and p99 beside the disk's."""
    figures = []
    for share in (0.5, 0.99):
        value, own = (1000 * sorted(seconds)[int(share * len(seconds))] for seconds in (calls, syncs))
        figures.append(
            Figure(
                f"durable_{name}_p{100 * share:g}",
                rounded(value),
                "ms",
                f"4 KiB and fdatasync, p{100 * share:g}",
                rounded(own),
                rounded(value / own),
                note=ONE_BY_ONE,
            )
        )
    return figures


def rate(name: str, value: float, syncs: Sequence[float], note: str) -> Figure:
    """Events a second beside what the disk could sync one by one."""
    own = len(syncs) / sum(syncs)
    reference = "fdatasync, one after the other"
    return Figure(name, rounded(value), "events/s", reference, rounded(own), rounded(value / own), note=note)


async def measure(server: str, disk: Disk) -> list[Figure]:
    """Every figure, of the server at that address."""
    channel = open_channel(server)
    async with open_session(ParameterClient(channel), MODEL, 1, "benchmark") as session, hearing(session):
        pushes, push_syncs = await in_turn(Pusher(session).push, disk)
    log = RemoteEventLog(channel)
    count = iter(range(CALLS))

    async def append() -> None:
        await log.append(MODEL, Stream.LABELS, [NewEvent(f"one-{next(count)}", BODY)])

    appends, append_syncs = await in_turn(append, disk)
    single = await at_once(channel, APPENDERS, 1)
    batched = await at_once(channel, APPENDERS, BATCH)
    await channel.close()
    syncs = [*push_syncs, *append_syncs]
    return [
        *latencies("push", pushes, push_syncs),
        *latencies("append", appends, append_syncs),
        rate("durable_events", single, syncs, f"{APPENDERS} clients at once, one event a call"),
        rate("durable_events_in_batches", batched, syncs, f"{APPENDERS} clients, {BATCH} events a call"),
    ]


def main() -> None:
    with new_stack() as stack, tempfile.TemporaryDirectory(dir=stack.folder) as folder:
        stack.start("param-server")
        stack.wait_ready("param-server")
        stack.register(SPEC)
        disk = Disk(Path(folder))
        try:
            for figure in asyncio.run(measure(stack.server, disk)):
                print(figure.line(), flush=True)
        finally:
            disk.close()


if __name__ == "__main__":
    main()
