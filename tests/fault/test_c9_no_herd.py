"""C9: many readers are one piece of work: a version is encoded once, and a restart is no stampede."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from riverrun.cli.up.ports import free_ports
from riverrun.core.errors import RiverrunError
from riverrun.core.versions import LIVE
from riverrun.rpc.channels import _OPTIONS, open_channel
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.trainer_session import open_session
from riverrun.rpc.watching import Announced, Connected, Have, Watch
from tests.fault.harness.line import Line, Sizes
from tests.fault.harness.process import DEADLINE_S
from tests.fault.harness.server import ServerProcess, Setup
from tests.fault.harness.usage import usage
from tests.fault.mutants.table import Mutant, of_row

MODEL_BYTES, DELTA_BYTES = 8 << 20, 1 << 20
TRANSFERS = 8
GROWN = TRANSFERS * MODEL_BYTES + (64 << 20)
SHARE, WITHIN_S = 0.2, 0.1
CONVERGED_S = 30.0
OWN_CONNECTION = [*_OPTIONS, ("grpc.use_local_subchannel_pool", 1)]
"""A channel as readers have it, one connection for each: those of one process would share theirs."""

COUNTED = "storage_patches:encodings_counted"


class Reader:
    """A watch of the product's, and what it holds of one model: pulled, or inline where it fits."""

    def __init__(self) -> None:
        self.version = 0
        self.weight_bytes = 0
        self.connected: list[float] = []
        self._store_id = ""

    @contextlib.asynccontextmanager
    async def reading(self, address: str) -> AsyncIterator[None]:
        """It reads while the block runs."""
        async with grpc.aio.insecure_channel(address, options=OWN_CONNECTION) as channel:
            task = asyncio.create_task(self._read(ParameterClient(channel, deadline_s=DEADLINE_S)))
            try:
                yield
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def _held(self) -> tuple[str, list[Have]]:
        return self._store_id, [Have("model-0", LIVE, self.version, 1)] if self.version else []

    async def _read(self, client: ParameterClient) -> None:
        async for change in Watch(client, have=self._held).changes():
            if isinstance(change, Connected):
                self._store_id = change.store_id
                self.connected.append(time.monotonic())
            elif isinstance(change, Announced) and change.manifest.version != self.version:
                self.weight_bytes += len(change.serving)
                if change.base_version != self.version or not change.base_version:
                    await self._pull(client)
                self.version = change.manifest.version

    async def _pull(self, client: ParameterClient) -> None:
        """As often as it takes: a busy machine may lose a connection."""
        while True:
            with contextlib.suppress(RiverrunError):
                pulled = await client.pull("model-0", channel=LIVE, have_version=self.version)
                self.weight_bytes += len(pulled.serving)
                return
            await asyncio.sleep(0.1)


@dataclass
class Herd:
    """What a run of many readers came to."""

    versions: int = 0
    encoded: int = 0
    converged_s: float = 0.0
    grown: int = 0
    sent_again: int = 0
    most_at_once: float = 0.0
    problems: Counter[str] = field(default_factory=Counter)


async def herd(folder: Path, seed: int, count: int, mutant: str = COUNTED) -> Herd:
    """`count` readers start, hear of a large delta, and see the server restart."""
    found = Herd()
    line = Line("model-0", Sizes(MODEL_BYTES, DELTA_BYTES, DELTA_BYTES), random.Random(seed))
    [port] = free_ports(1)
    # The hand reports nothing, for as long as it takes the readers to come by the first version.
    environment = {"RIVERRUN_PARAM_SERVER_PORT": str(port), "RIVERRUN_PARAM_SERVER_LEASE_S": "600"}
    setup = Setup(mutant=mutant, environment=environment)
    server = ServerProcess(folder / "data", folder / "log", setup)
    again: ServerProcess | None = None
    try:
        async with contextlib.AsyncExitStack() as stack:
            address = await server.address()
            channel = await stack.enter_async_context(open_channel(address))
            client = ParameterClient(channel, deadline_s=DEADLINE_S)
            await client.register_model(line.spec)
            session = open_session(client, line.name, 1, "hand")
            epoch = (await stack.enter_async_context(session)).opened.epoch
            line.settle((await client.push(line.next_push(epoch))).version)
            before = usage(server.pid).rss

            begun = time.monotonic()
            readers = [Reader() for _ in range(count)]
            for reader in readers:
                await stack.enter_async_context(reader.reading(address))
            for last in (False, True):
                async with asyncio.timeout(8 * CONVERGED_S):
                    while any(reader.version != line.head for reader in readers):
                        found.grown = max(found.grown, usage(server.pid).rss - before)
                        await asyncio.sleep(0.02)
                if not last:
                    found.converged_s = time.monotonic() - begun
                    line.settle((await client.push(line.next_push(epoch))).version)

            server.kill()
            found.versions = line.head
            found.encoded = sum(one.get("event") == "encoded" for one in server.lines())
            before_restart = sum(reader.weight_bytes for reader in readers)
            # Who comes back as the server answers is counted too.
            came = [len(reader.connected) for reader in readers]
            again = ServerProcess(folder / "data", folder / "log-again", setup)
            await again.address()
            async with asyncio.timeout(8 * CONVERGED_S):
                while any(len(reader.connected) == n for reader, n in zip(readers, came, strict=True)):
                    await asyncio.sleep(0.02)
            # The state of things is told before the first heartbeat.
            await asyncio.sleep(1.0)
            found.sent_again = sum(reader.weight_bytes for reader in readers) - before_restart
            back = sorted(reader.connected[n] for reader, n in zip(readers, came, strict=True))
            found.most_at_once = max(sum(at <= one <= at + WITHIN_S for one in back) for at in back) / count
    finally:
        server.kill()
        if again is not None:
            again.kill()
    found.problems["encoded-again"] += found.encoded > found.versions
    found.problems["memory"] += found.grown > GROWN
    found.problems["sent-again"] += found.sent_again > 0
    return found


@pytest.mark.row("C9")
async def test_many_readers_cost_one_encoding_and_come_back_apart(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    count = 200 if release else 50
    found = await herd(folder, seed, count)

    figures |= {
        "readers": count,
        "versions": found.versions,
        "encoded": found.encoded,
        "until all had the first, s": round(found.converged_s, 1),
        "the server grew by at most, MiB": round(found.grown / (1 << 20)),
        "bytes of weights sent again after a restart": found.sent_again,
        "back within 100 ms at most": f"{found.most_at_once:.0%}",
    }
    assert not +found.problems
    assert found.encoded
    # A machine that does nothing else is asked for this at release size.
    if release:
        assert found.converged_s <= CONVERGED_S
        assert found.most_at_once <= SHARE


@pytest.mark.row("mutants")
@pytest.mark.parametrize("mutant", of_row("C9"), ids=str)
async def test_many_readers_catch(mutant: Mutant, folder: Path, seed: int, figures: dict[str, Any]) -> None:
    found = await herd(folder, seed, 10, mutant.patch)

    figures |= mutant.caught(+found.problems, "10 readers of a version")
    assert figures["caught as"]
