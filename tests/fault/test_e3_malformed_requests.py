"""E3: malformed requests are refused as what they are; they end no process and cost nobody an answer."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.fault.harness.answers import MODEL
from tests.fault.harness.callers import PATIENT, Callers, p99
from tests.fault.harness.links import Link
from tests.fault.harness.pod import Pod
from tests.fault.harness.process import DEADLINE_S
from tests.fault.harness.serving_rig import Rig, asking
from tests.fault.harness.usage import usage
from tests.integration.serving.malformed import Malformed

GROWN = 64 << 20
TIMES = 3.0
GOOD_RATE = 50.0
OURS = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)


async def over_rest(pod: Pod, malformed: Malformed, count: int) -> Counter[int]:
    """Statuses by how often they came."""
    found: Counter[int] = Counter()
    with contextlib.closing(Link(pod.rest)) as link:
        for _ in range(count):
            request = malformed.rest()
            status, _ = await link.ask("POST", request.path, request.body, request.headers)
            found[status] += 1
    return found


async def over_grpc(pod: Pod, malformed: Malformed, count: int) -> Counter[grpc.StatusCode]:
    """The same of calls."""
    found: Counter[grpc.StatusCode] = Counter()
    async with grpc.aio.insecure_channel(pod.grpc) as channel:
        for _ in range(count):
            method, data = malformed.call()
            found[await channel.unary_unary(method)(data, timeout=DEADLINE_S).code()] += 1
    return found


async def over_sockets(address: str, malformed: Malformed, count: int) -> Counter[bytes]:
    """What is no HTTP/1.1, on connections of its own: the class of the status, empty where none came."""
    found: Counter[bytes] = Counter()
    host, _, port = address.rpartition(":")
    for _ in range(count):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(malformed.http())
        writer.write_eof()
        said = b""
        with contextlib.suppress(ConnectionError):
            said = await asyncio.wait_for(reader.read(), DEADLINE_S)
        found[said[9:10] if said.startswith(b"HTTP/") else b""] += 1
        writer.close()
    return found


@pytest.mark.row("E3")
async def test_malformed_requests_are_refused_and_good_ones_answered(
    folder: Path, seed: int, release: bool, figures: dict[str, Any]
) -> None:
    count = 10_000 if release else 3_000
    malformed = Malformed(MODEL, ("rooms", "size"), 2.5, seed)
    calm, busy = Callers(), Callers()
    async with Rig(folder, seed).running() as rig:
        pod = await rig.pod(**PATIENT).ready()
        async with asking(calm.ask(pod, GOOD_RATE)):
            await asyncio.sleep(20.0 if release else 2.0)
            while not calm.of(200):
                await asyncio.sleep(0.1)
        before = usage(pod.pid).rss
        begun = time.monotonic()
        async with asking(busy.ask(pod, GOOD_RATE)):
            statuses = await over_rest(pod, malformed, count)
            codes = await over_grpc(pod, malformed, count)
            ends = await over_sockets(pod.rest, malformed, count // 10)
            ends += await over_sockets(pod.grpc, malformed, count // 10)
        took_s = time.monotonic() - begun
        grown = usage(pod.pid).rss - before
        ended = pod.process.poll()

    good = busy.of(200)
    figures |= {
        "over REST": statuses.total(),
        "over gRPC": codes.total(),
        "that speak no HTTP": ends.total(),
        "seed": seed,
        "seconds": round(took_s),
        "errors of ours": sum(n for status, n in statuses.items() if status >= 500)
        + sum(codes[code] for code in OURS)
        + ends[b"5"],
        "good answers meanwhile": len(good),
        "their p99, s": round(p99(good), 3),
        "p99 before, s": round(p99(calm.of(200)), 3),
        "MiB of memory more": round(grown / (1 << 20), 1),
    }
    assert max(statuses) < 500, statuses
    assert not any(codes[code] for code in OURS), codes
    assert not ends[b"5"], ends
    # What was sent was wrong indeed.
    assert statuses[422] + statuses[400] > count / 3, statuses
    assert codes[grpc.StatusCode.INVALID_ARGUMENT] > count / 4, codes
    assert busy.seconds.keys() == {200}
    assert grown <= GROWN
    assert ended is None
    # A machine that does nothing else is asked for this at release size.
    if release:
        assert p99(good) <= TIMES * p99(calm.of(200))
