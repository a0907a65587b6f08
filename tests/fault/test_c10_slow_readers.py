"""C10: slow readers cost nothing: others hear all, memory stays, and they skip to the newest themselves."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from riverrun.rpc.channels import open_channel
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.trainer_session import open_session
from tests.fault.harness.line import Line, Sizes
from tests.fault.harness.process import DEADLINE_S
from tests.fault.harness.proxy import Proxy
from tests.fault.harness.server import ServerProcess, Setup
from tests.fault.harness.usage import usage
from tests.fault.harness.watchers import WireWatcher
from tests.fault.mutants.table import Mutant, of_row

SLOW, STOPPED, FAST = 10, 10, 4
DELTA = 40_000
LINK_BYTES_PER_S = 1024.0
CATCH_UP_S = 60.0
KEPT_S = 25.0
"""A client that takes nothing for half a minute is let go of: in a run that takes so long, by right."""

TRIES = 4
SKIPPED_SHARE = 0.6
"""What a slow reader hears at most of many pushes: what lies in the network's own buffers, and the newest."""

MEMORY = 64 << 20
"""What the server may grow by: what it keeps of recent deltas, 45 MiB after 3,000 of them whoever reads, and
less than half a MiB for each slow reader."""


@dataclass
class Heard:
    """What the watchers of one run heard, and what the server took."""

    pushes: int = 0
    fast_share: float = 1.0
    slow_most: int = 0
    grown: int = 0
    stood_s: float = 0.0
    problems: Counter[str] = field(default_factory=Counter)


async def push_to_slow_readers(folder: Path, seed: int, pushes: int, mutant: str = "") -> Heard:
    """Push small versions to readers of which most hardly read."""
    found = Heard(pushes)
    line = Line("model-0", Sizes(first=256 << 10, small=DELTA, large_share=0.0), random.Random(seed))
    # The hand reports nothing.
    setup = Setup(mutant=mutant, environment={"RIVERRUN_PARAM_SERVER_LEASE_S": "600"})
    server = ServerProcess(folder / "data", folder / "log", setup)
    try:
        async with contextlib.AsyncExitStack() as stack:
            address = await server.address()
            channel = open_channel(address)
            stack.push_async_callback(channel.close)
            client = ParameterClient(channel, deadline_s=DEADLINE_S)
            await client.register_model(line.spec)
            session = await stack.enter_async_context(open_session(client, line.name, 1, "hand"))
            for _ in range(5):
                line.settle((await client.push(line.next_push(session.opened.epoch))).version)

            links = [await stack.enter_async_context(Proxy(address).listening()) for _ in range(SLOW)]
            slow = [await stack.enter_async_context(WireWatcher().watching(link.address)) for link in links]
            stopped = [
                await stack.enter_async_context(WireWatcher().watching(address)) for _ in range(STOPPED)
            ]
            fast = [await stack.enter_async_context(WireWatcher().watching(address)) for _ in range(FAST)]
            await asyncio.sleep(1)
            for link in links:
                link.down.bytes_per_s, link.down.slice_bytes = LINK_BYTES_PER_S, 256
            for watcher in stopped:
                watcher.reads.clear()
            before, begun = usage(server.pid).rss, time.monotonic()

            for _ in range(pushes):
                line.settle((await client.push(line.next_push(session.opened.epoch))).version)
            info = next(iter(await client.list_models()))
            live = info.channel("live")
            assert live is not None
            newest = live.generation
            if not await _all_hear(fast, newest, CATCH_UP_S):
                found.problems["others-behind"] += 1
            found.grown = usage(server.pid).rss - before

            for link in links:
                link.down.bytes_per_s = link.down.slice_bytes = 0
            for watcher in stopped:
                watcher.reads.set()
            found.stood_s = time.monotonic() - begun
            if not await _all_hear([*slow, *stopped], newest, CATCH_UP_S):
                found.problems["never-caught-up"] += 1
    finally:
        server.kill()
    found.fast_share = min(len(watcher.heard) for watcher in fast) / pushes
    found.slow_most = max(len(watcher.heard) for watcher in [*slow, *stopped])
    for watcher in [*slow, *stopped, *fast]:
        found.problems["went-back"] += watcher.heard != sorted(set(watcher.heard))
        found.problems["broke"] += bool(watcher.broke)
    found.problems["not-skipped"] += found.slow_most > SKIPPED_SHARE * pushes
    found.problems["memory"] += found.grown > MEMORY
    return found


async def _all_hear(watchers: list[WireWatcher], newest: int, within_s: float) -> bool:
    end = time.monotonic() + within_s
    while any(not watcher.heard or watcher.heard[-1] != newest for watcher in watchers):
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.01)
    return True


async def soon_enough(folder: Path, seed: int) -> Heard:
    """The first of some runs at CI size in which no reader stood for so long that it was let go of."""
    for number in range(TRIES):
        place = folder / str(number)
        place.mkdir()
        found = await push_to_slow_readers(place, seed + number, 400)
        if found.stood_s < KEPT_S or not +found.problems:
            break
        print(f"does not count: readers stood for {found.stood_s:.0f} s, {found.problems}")
    return found


@pytest.mark.row("C10")
async def test_slow_readers_skip_to_the_newest_and_hold_up_nobody(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    if release:
        found = await push_to_slow_readers(folder, seed, 3000)
    else:
        found = await soon_enough(folder, seed)

    figures |= {
        "pushes": found.pushes,
        "slow readers": SLOW + STOPPED,
        "heard by each other reader": f"{found.fast_share:.0%}",
        "heard by a slow reader at most": found.slow_most,
        "the server grew by, MiB": round(found.grown / (1 << 20), 1),
    }
    assert not +found.problems


@pytest.mark.row("mutants")
@pytest.mark.parametrize("mutant", of_row("C10"), ids=str)
async def test_slow_readers_catch(mutant: Mutant, folder: Path, seed: int, figures: dict[str, Any]) -> None:
    found = await push_to_slow_readers(folder, seed, 400, mutant.patch)

    figures |= mutant.caught(+found.problems, f"{found.pushes} x push to {SLOW + STOPPED} slow readers")
    assert figures["caught as"]
