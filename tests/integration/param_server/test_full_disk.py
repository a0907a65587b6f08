"""A full disk: what goes first, what is refused, what is always answered, and how soon it works again.

The disk is a file size that SQLite may not pass; a real one that is full is in tests/fault.
"""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from riverrun.core.errors import Exhausted, RiverrunError
from riverrun.core.events import NewEvent, Stream
from riverrun.core.units import SideDelta
from riverrun.rpc.channels import open_channel
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.trainer_session import open_session
from tests.integration.param_server.param_stack import (
    DEADLINE_S,
    SPEC,
    Stack,
    Units,
    a_push,
    change,
    held_by,
)
from tests.integration.param_server.test_survival import DRAIN_S, start_process, wait_until_it_answers

BODY = 2_000


def bound(connection_of: Callable[[Callable[[sqlite3.Connection], int]], int], spare_pages: int) -> None:
    """Let a database grow by so many pages and no further."""

    def work(connection: sqlite3.Connection) -> int:
        used = int(connection.execute("PRAGMA page_count").fetchone()[0])
        return int(connection.execute(f"PRAGMA max_page_count={used + spare_pages}").fetchone()[0])

    connection_of(work)


async def fill(stack: Stack, stream: Stream, count: int) -> None:
    events = [NewEvent(f"{stream.value}-{n}", os.urandom(BODY)) for n in range(count)]
    await stack.running.event_log.append("flights", stream, events)


async def kept(stack: Stack, stream: Stream) -> list[int]:
    log = stack.running.event_log
    return [e.offset async for batch in log.read("flights", stream, {}, follow=False) for e in batch]


async def learn(stack: Stack, units: Units, *, up_to: int) -> int:
    """Push versions that contain the examples and labels below `up_to`; the newest version."""
    async with open_session(stack.client, "flights", 1, "t") as session:
        head = session.opened.head
        push = a_push(
            units,
            base=0 if head is None else head.version,
            epoch=session.opened.epoch,
            serving=change(0, to=b"%d" % up_to),
            positions={Stream.EXAMPLES: {0: up_to}, Stream.LABELS: {0: up_to}},
        )
        return (await stack.client.push(push)).version


async def test_predictions_go_first_then_what_versions_contain_and_then_labels_are_refused(
    stack: Stack,
) -> None:
    await stack.client.register_model(SPEC)
    log = stack.running.event_log
    for stream in (Stream.PREDICTIONS, Stream.EXAMPLES, Stream.LABELS):
        await fill(stack, stream, 100)
    await learn(stack, Units(), up_to=60)
    bound(log._database.run_now, 4)

    went: list[dict[Stream, int]] = []

    async def append_labels() -> None:
        for n in range(1000):
            await log.append("flights", Stream.LABELS, [NewEvent(f"more-{n}", os.urandom(BODY))])
            went.append({s: len(await kept(stack, s)) for s in (Stream.PREDICTIONS, Stream.EXAMPLES)})

    with pytest.raises(Exhausted, match="disk"):
        await append_labels()
    appended = len(went)

    assert appended > 30
    first_gone = next(left for left in went if left[Stream.PREDICTIONS] < 100)
    assert first_gone[Stream.EXAMPLES] == 100
    assert await kept(stack, Stream.PREDICTIONS) == []
    assert await kept(stack, Stream.EXAMPLES) == list(range(60, 100))
    assert await kept(stack, Stream.LABELS) == list(range(60, 100 + appended))
    assert (await stack.client.pull("flights", channel="live")).manifest.version == 1
    bound(log._database.run_now, 1 << 20)
    await fill(stack, Stream.DEAD_LETTERS, 1)


async def test_nothing_that_no_version_contains_goes_for_want_of_room(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    await fill(stack, Stream.EXAMPLES, 50)
    await fill(stack, Stream.LABELS, 50)
    bound(stack.running.event_log._database.run_now, 1)

    with pytest.raises(Exhausted):
        await fill(stack, Stream.LABELS, 1000)

    assert await kept(stack, Stream.EXAMPLES) == list(range(50))
    assert await kept(stack, Stream.LABELS) == list(range(50))


async def test_a_push_without_room_lets_predictions_go_and_their_room_goes_back_to_the_disk(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stack.client.register_model(SPEC)
    await fill(stack, Stream.PREDICTIONS, 400)
    units = Units()
    await learn(stack, units, up_to=0)
    log_file = stack.settings.data / "events.sqlite"
    size = log_file.stat().st_size
    fsync = os.fsync

    def full_while_the_log_is_large(descriptor: int) -> None:
        if log_file.stat().st_size == size:
            raise OSError(errno.ENOSPC, "injected")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full_while_the_log_is_large)
    async with open_session(stack.client, "flights", 1, "t") as session:
        large = SideDelta({0: os.urandom(200_000)})
        pushed = await stack.client.push(a_push(units, base=1, epoch=session.opened.epoch, serving=large))

    assert pushed.version == 2
    assert log_file.stat().st_size < size
    assert await kept(stack, Stream.PREDICTIONS) == []


async def test_pushes_work_again_as_soon_as_there_is_room(stack: Stack) -> None:
    await stack.client.register_model(SPEC)
    units = Units()
    await learn(stack, units, up_to=0)
    database = stack.running.server.store.database
    for base in (1, 2, 3):
        bound(database.run_now, 0)
        async with open_session(stack.client, "flights", 1, "t") as session:
            large = SideDelta({n: os.urandom(3000) for n in range(9)})
            push = a_push(units.copy(), base=base, epoch=session.opened.epoch, serving=large)
            with pytest.raises(Exhausted):
                await stack.client.push(push)
        pulled = await stack.client.pull("flights", channel="live")
        assert held_by(pulled) == units.serving
        bound(database.run_now, 1 << 20)
        assert await learn(stack, units, up_to=0) == pulled.manifest.version + 1
    assert stack.running.server.fatal.error is None


@pytest.mark.parametrize("where", ["file", "database"])
async def test_a_refused_push_leaves_nothing_that_takes_the_room(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    await stack.client.register_model(SPEC)
    units = Units()
    await learn(stack, units, up_to=0)
    database = stack.running.server.store.database

    def no_room(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "injected")

    async with open_session(stack.client, "flights", 1, "t") as session:
        large = SideDelta({0: os.urandom(300_000)}, frozenset())
        push = a_push(units, base=1, epoch=session.opened.epoch, serving=large, push_id="p" * 128)
        if where == "file":
            monkeypatch.setattr(os, "fsync", no_room)
        else:
            database.run_now(
                lambda c: c.execute(
                    "CREATE TEMP TRIGGER full BEFORE INSERT ON versions "
                    "BEGIN SELECT RAISE(ABORT, 'full'); END"
                )
            )
            monkeypatch.setattr("riverrun_param_server.store.disk_is_full", lambda error: True)
        with pytest.raises(Exhausted):
            await stack.client.push(push)
        assert list((stack.settings.data / "bodies").glob("*/*")) == []
        monkeypatch.undo()
        database.run_now(lambda c: c.execute("DROP TRIGGER IF EXISTS full"))
        assert (await stack.client.push(push)).version == 2


async def test_a_disk_that_does_not_write_ends_the_process_at_once(
    tmp_path: Path, free_ports: Callable[[int], list[int]]
) -> None:
    """A limit on the size of files makes SQLite's writes fail as an I/O error does, unlike a full disk."""
    [port] = free_ports(1)
    process = await start_process(tmp_path / "data", port)
    channel = open_channel(f"127.0.0.1:{port}")
    client = ParameterClient(channel, deadline_s=DEADLINE_S)
    acked: list[int] = []

    async def push_without_end(epoch: int) -> None:
        units = Units()
        for base in range(1000):
            push = a_push(units, base=base, epoch=epoch, serving=SideDelta({base: os.urandom(20_000)}))
            acked.append((await client.push(push)).version)

    try:
        await wait_until_it_answers(client)
        await client.register_model(SPEC)
        async with open_session(client, "flights", 1, "t") as session:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (400_000, 400_000))
            with pytest.raises(RiverrunError):
                await push_without_end(session.opened.epoch)
            refused = time.monotonic()
            assert await asyncio.wait_for(process.wait(), DRAIN_S) == 1
            took_s = time.monotonic() - refused
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await channel.close()
    print(f"ended {took_s:.2f} s after the refused push", file=sys.stderr)
    # A second is promised, and shown in tests/fault; here it waits for no stream that is open.
    assert took_s < DRAIN_S / 2
    assert len(acked) > 3
