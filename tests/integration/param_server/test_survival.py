"""Acknowledged versions against kill -9 of a real process, a full disk, a failing disk and a damaged one.

Power cuts (what a page cache loses) are not covered here: they need a loop mount, see tests/fault.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from riverrun_param_server.app import building, running
from riverrun_param_server.pulls import PullWanted
from riverrun_param_server.settings import ParamServerSettings
from riverrun_param_server.store import DATABASE

from riverrun.api.params.v1 import params_pb2 as pb
from riverrun.core.errors import DigestMismatch, Exhausted, RiverrunError, Unavailable
from riverrun.core.units import SideDelta
from riverrun.rpc.channels import open_channel
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.trainer_session import open_session
from riverrun.rpc.watching import Announced, Watch
from riverrun.rpc.weights import Push, Pushed
from riverrun.runtime.clock import SystemClock
from tests.integration.param_server.param_stack import (
    DEADLINE_S,
    SPEC,
    Stack,
    Units,
    a_push,
    change,
    eventually,
    held_by,
    stack_over,
)

RELEASE_FLIPS = pytest.param(2000, marks=[pytest.mark.full, pytest.mark.timeout(600)])


DRAIN_S = 100.0


async def start_process(data: Path, port: int) -> asyncio.subprocess.Process:
    own = {
        # Who waits for calls to end when it stops is told by this from who does not.
        "RIVERRUN_PARAM_SERVER_DRAIN_S": str(DRAIN_S),
        "RIVERRUN_PARAM_SERVER_PORT": str(port),
        "RIVERRUN_PARAM_SERVER_HTTP_PORT": "0",
        "RIVERRUN_PARAM_SERVER_DATA": str(data),
        "RIVERRUN_PARAM_SERVER_LOG_LEVEL": "warning",
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "riverrun_param_server", env={**os.environ, **own}
    )


async def wait_until_it_answers(client: ParameterClient) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                await client.list_models()
            except Unavailable:
                await asyncio.sleep(0.02)
            else:
                return


Acked = dict[int, tuple[bytes, dict[int, bytes]]]
"""Digest and serving units by version."""


async def push_until_killed(
    client: ParameterClient,
    units: Units,
    acked: Acked,
    rng: random.Random,
) -> Push:
    """Push without end; the push that was never answered. Large and small ones take turns."""
    async with open_session(client, "flights", 1, "t") as session:
        head = session.opened.head
        base = 0 if head is None else head.version
        while True:
            size = 120_000 if rng.random() < 0.2 else 200
            before = units.copy()
            push = a_push(
                units,
                base=base,
                epoch=session.opened.epoch,
                serving=SideDelta({rng.randrange(50): rng.randbytes(size)}),
            )
            try:
                pushed = await client.push(push)
            except RiverrunError:
                units.serving, units.trainer = before.serving, before.trainer
                return push
            base = pushed.version
            acked[base] = (pushed.digest, dict(units.serving))


async def note_what_is_seen(client: ParameterClient, seen: dict[int, bytes]) -> None:
    """Watch, and note the digest of every version that is announced; a version keeps its digest."""
    async for change_ in Watch(client).changes():
        if isinstance(change_, Announced):
            manifest = change_.manifest
            assert seen.setdefault(manifest.version, manifest.digest) == manifest.digest


async def test_acknowledged_and_announced_versions_survive_kill_nine(
    tmp_path: Path, free_ports: Callable[[int], list[int]]
) -> None:
    seed = 20
    print("seed", seed)
    rng = random.Random(seed)
    acked: Acked = {}
    seen: dict[int, bytes] = {}
    units = Units()
    [port] = free_ports(1)
    for _ in range(4):
        process = await start_process(tmp_path / "data", port)
        channel = open_channel(f"127.0.0.1:{port}")
        client = ParameterClient(channel, deadline_s=DEADLINE_S)
        try:
            await wait_until_it_answers(client)
            await client.register_model(SPEC)
            kept = {m.version: m for m in await client.list_versions("flights", limit=1000)}
            for version, (digest, _) in acked.items():
                assert kept[version].digest == digest
            assert all(kept[version].digest == digest for version, digest in seen.items())
            assert sorted(kept) == list(range(1, len(kept) + 1))
            newest = max(kept, default=0)
            assert newest in (max(acked, default=0), max(acked, default=0) + 1)
            for version in [*rng.sample(sorted(acked), min(5, len(acked))), newest]:
                if version in acked:
                    assert held_by(await client.pull("flights", version=version)) == acked[version][1]
            if newest and newest not in acked:
                # A push that was on its way: wholly there, and the trainer goes on from it.
                units.serving = held_by(await client.pull("flights", version=newest))
                acked[newest] = (kept[newest].digest, dict(units.serving))
            already, saw = len(acked), len(seen)
            watching = asyncio.create_task(note_what_is_seen(ParameterClient(channel), seen))
            pushing = asyncio.create_task(push_until_killed(client, units, acked, rng))
            await eventually(
                lambda already=already, saw=saw: len(acked) > already + 20 and len(seen) > saw + 10
            )
            await asyncio.sleep(rng.random() * 0.05)
            process.send_signal(signal.SIGKILL)
            await pushing
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await channel.close()


async def test_a_process_stops_cleanly_and_waits_for_no_stream_after_sigterm(
    tmp_path: Path, free_ports: Callable[[int], list[int]]
) -> None:
    [port] = free_ports(1)
    process = await start_process(tmp_path / "data", port)
    channel = open_channel(f"127.0.0.1:{port}")
    client = ParameterClient(channel, deadline_s=DEADLINE_S)
    try:
        await wait_until_it_answers(client)
        await client.register_model(SPEC)
        watch = client.stub.Watch()
        await watch.write(pb.WatchRequest(subscribe=pb.WatchRequest.Subscribe()))
        await watch.read()
        async with open_session(client, "flights", 1, "t"):
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(DRAIN_S / 2):
                assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await channel.close()


async def a_store(settings: ParamServerSettings) -> Pushed:
    async with stack_over(settings) as stack:
        return await fill(stack)


async def fill(stack: Stack, count: int = 3) -> Pushed:
    await stack.client.register_model(SPEC)
    units = Units()
    async with open_session(stack.client, "flights", 1, "t") as session:
        for base in range(count):
            serving = SideDelta({base: os.urandom(100_000 if base == 1 else 50)})
            pushed = await stack.client.push(
                a_push(units, base=base, epoch=session.opened.epoch, serving=serving)
            )
    return pushed


async def test_a_full_disk_refuses_pushes_and_answers_reads(stack: Stack) -> None:
    await fill(stack)
    database = stack.running.server.store.database
    units = Units(held_by(await stack.client.pull("flights", channel="live")), {}, 3)

    def bound(pages: int) -> None:
        database.run_now(lambda connection: connection.execute(f"PRAGMA max_page_count={pages}").fetchall())

    async with open_session(stack.client, "flights", 1, "t") as session:
        bound(1)
        push = a_push(
            units,
            base=3,
            epoch=session.opened.epoch,
            serving=SideDelta({n: os.urandom(3000) for n in range(9)}),
        )
        with pytest.raises(Exhausted, match="disk"):
            await stack.client.push(push)
        assert (await stack.client.pull("flights", channel="live")).manifest.version == 3
        bound(1 << 30)
        pushed = await stack.client.push(push)

    assert pushed.version == 4
    assert stack.running.server.fatal.error is None


async def test_a_failing_disk_ends_the_server_and_acknowledges_nothing_more(
    settings: ParamServerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(settings) as server:
        roots = asyncio.create_task(server.wait())
        channel = open_channel(f"127.0.0.1:{server.port}")
        stack = Stack(server, ParameterClient(channel), settings)
        await fill(stack)
        units = Units(held_by(await stack.client.pull("flights", channel="live")), {}, 3)
        async with open_session(stack.client, "flights", 1, "t") as session:

            def failing(_descriptor: int) -> None:
                raise OSError(errno.EIO, "injected")

            monkeypatch.setattr(os, "fsync", failing)
            large = SideDelta({0: os.urandom(200_000)})
            with pytest.raises(Unavailable):
                await stack.client.push(
                    a_push(units.copy(), base=3, epoch=session.opened.epoch, serving=large)
                )
            monkeypatch.undo()
            with pytest.raises(Unavailable):
                await stack.client.push(
                    a_push(units, base=3, epoch=session.opened.epoch, serving=change(0, to=b"a"))
                )
        with pytest.raises(OSError, match="injected"):
            await roots
        await channel.close()
    async with stack_over(settings) as again:
        assert (await again.client.pull("flights", channel="live")).manifest.version == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE versions SET manifest = manifest || x'00' WHERE version = 2",
        "UPDATE versions SET good = 1 WHERE version = 2",
        "UPDATE versions SET base = 0 WHERE version = 3",
        "UPDATE versions SET delta = x'00' WHERE version = 3",
        "UPDATE versions SET created_ns = 5 WHERE version = 1",
        "UPDATE versions SET version = 7 WHERE version = 3",
        "DELETE FROM versions WHERE version = 3",
        "DELETE FROM versions WHERE version = 2",
        "DELETE FROM versions WHERE version = 1",
        "UPDATE models SET name = 'other'",
        "UPDATE models SET body = substr(body, 1, length(body) - 1)",
        "DELETE FROM models",
        "UPDATE specs SET yaml = yaml || ' '",
        "DELETE FROM specs",
        "UPDATE meta SET value = 'another'",
        "UPDATE models SET body = CAST(name AS TEXT)",
    ],
)
async def test_a_damaged_row_refuses_the_start(settings: ParamServerSettings, statement: str) -> None:
    await a_store(settings)
    connection = sqlite3.connect(settings.data / DATABASE)
    connection.execute(statement)
    connection.commit()
    connection.close()

    with pytest.raises(DigestMismatch, match=DATABASE):
        async with running(settings):
            pass


async def test_a_damaged_or_missing_file_refuses_the_start_and_is_named(
    settings: ParamServerSettings,
) -> None:
    await a_store(settings)
    (body,) = (settings.data / "bodies").glob("*/*")
    content = body.read_bytes()
    body.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DigestMismatch, match=body.name):
        async with running(settings):
            pass
    body.unlink()
    with pytest.raises(DigestMismatch, match=body.name):
        async with running(settings):
            pass
    body.write_bytes(content)
    async with stack_over(settings) as stack:
        assert (await stack.client.pull("flights", channel="live")).manifest.version == 3


async def everything(settings: ParamServerSettings) -> tuple[object, ...]:
    """All that any call could return of a store."""
    async with building(settings, SystemClock()) as server:
        (model,) = server.catalogue.models()
        versions = [kept.manifest for kept in await server.keeping.listed("flights", 100, 0)]
        pulls = [
            await server.pulls.pull(PullWanted("flights", version=m.version, have=have, trainer_state=True))
            for m in versions
            for have in range(m.version)
        ]
        return server.store_id, model.info(), versions, pulls


@pytest.mark.parametrize("flips", [80, RELEASE_FLIPS])
async def test_a_flipped_bit_is_found_or_changes_nothing_that_is_returned(
    settings: ParamServerSettings, flips: int
) -> None:
    await a_store(settings)
    whole = await everything(settings)
    content = (settings.data / DATABASE).read_bytes()
    rng = random.Random(7)
    refusals: list[str] = []
    for _ in range(flips):
        at, bit = rng.randrange(len(content)), 1 << rng.randrange(8)
        flipped = bytearray(content)
        flipped[at] ^= bit
        (settings.data / DATABASE).write_bytes(flipped)
        (settings.data / "store_id").write_text(str(whole[0]))

        try:
            after = await everything(settings)
        except (DigestMismatch, ValueError) as error:
            refusals.append(str(error))
        else:
            assert after == whole, f"byte {at}, bit {bit}"
    print(f"{len(refusals)} of {flips} flips were refused, the others changed nothing")
    assert len(refusals) > flips / 16
    assert all(DATABASE in refusal for refusal in refusals), refusals


async def test_files_that_a_crash_left_behind_are_removed(settings: ParamServerSettings) -> None:
    await a_store(settings)
    (body,) = (settings.data / "bodies").glob("*/*")
    (body.parent / f"{body.name}.tmp").write_bytes(b"half")
    (body.parent / ("0" * 64)).write_bytes(b"named by no version")

    async with stack_over(settings):
        assert list((settings.data / "bodies").glob("*/*")) == [body]


async def test_the_store_id_stays_over_restarts_and_changes_with_the_folder(
    settings: ParamServerSettings,
) -> None:
    ids = []
    for _ in range(2):
        async with stack_over(settings) as stack:
            ids.append(stack.running.server.store_id)
    (settings.data / "store_id").unlink()
    async with stack_over(settings) as stack:
        ids.append(stack.running.server.store_id)

    assert ids[0] == ids[1]
    assert ids[2] != ids[0]


async def test_a_reader_from_the_future_makes_the_server_take_a_new_store_id(
    settings: ParamServerSettings,
) -> None:
    await a_store(settings)
    async with running(settings) as server:
        roots = asyncio.create_task(server.wait())
        channel = open_channel(f"127.0.0.1:{server.port}")
        old_id = server.server.store_id
        with pytest.raises(RiverrunError):
            await ParameterClient(channel).pull(
                "flights", channel="live", have_version=4, have_store_id=old_id
            )
        with pytest.raises(Exception, match="version 4"):
            await roots
        await channel.close()
    async with stack_over(settings) as stack:
        assert stack.running.server.store_id != old_id
        pulled = await stack.client.pull("flights", channel="live", have_version=4, have_store_id=old_id)
        assert (pulled.manifest.version, pulled.base_version) == (3, 0)
