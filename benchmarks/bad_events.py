"""Bad events beside good ones: how fast the trainer passes a stream that it has to set half of aside.

Each stream is appended first, past serving's own check, while no trainer runs. Then the trainer starts, and
its rate is that of the events between the first version it pushed after starting and the last, by the
positions and times in their manifests. The clean stream is passed in the same way, in the same run.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from itertools import islice

from benchmarks import workload
from benchmarks.figures import Figure, against
from benchmarks.stack import Stack, new_stack
from riverrun.client import AsyncClient
from riverrun.core.events import NewEvent, Stream
from riverrun.core.versions import Manifest
from riverrun.rpc.channels import open_channel
from riverrun.rpc.event_log import RemoteEventLog

EVENTS = 60_000
LOT = 1_000
WITHIN_S = 300.0
PUBLISH = "{every: 500ms}"
BAD = b'{"features": {"age_of_domain": "old"}, "label": true}'
AT_LEAST = 0.8


async def append(server: str, bodies: Sequence[bytes]) -> None:
    """Append the events to the log."""
    async with open_channel(server) as channel:
        log = RemoteEventLog(channel, deadline_s=60)
        for start in range(0, len(bodies), LOT):
            events = [NewEvent(f"e{start + n}", body) for n, body in enumerate(bodies[start : start + LOT])]
            await log.append(workload.NAME, Stream.EXAMPLES, events)


async def passed(server: str, end: int) -> list[Manifest]:
    """Every version, oldest first, once the newest stands at `end`; TimeoutError when none does in time."""
    deadline = time.monotonic() + WITHIN_S
    async with AsyncClient(server=server) as client:
        while True:
            newest = await client.versions(workload.NAME, limit=1)
            if newest and offset_of(newest[0]) >= end:
                return (await client.versions(workload.NAME, limit=1000))[::-1]
            if time.monotonic() > deadline:
                raise TimeoutError(f"{newest} is not past the stream after {WITHIN_S:g} s")
            await asyncio.sleep(0.25)


def offset_of(manifest: Manifest) -> int:
    """Where a version stands in the examples."""
    return manifest.positions.get(Stream.EXAMPLES, {}).get(0, 0)


def rate(versions: Sequence[Manifest]) -> float:
    """Events passed a second, from the first version that passed any to the last but one."""
    first, *_, last = [manifest for manifest in versions if offset_of(manifest)][:-1]
    return (offset_of(last) - offset_of(first)) / ((last.created_ns - first.created_ns) / 1e9)


def bodies(*, every_other_is_bad: bool) -> list[bytes]:
    """The stream's events."""
    good = [json.dumps({"features": x, "label": y}).encode() for x, y in islice(workload.endless(), EVENTS)]
    return [BAD if every_other_is_bad and n % 2 else body for n, body in enumerate(good)]


def measured(stack: Stack, stream: Sequence[bytes]) -> float:
    """The trainer's rate over a stream of its own."""
    stack.start("param-server")
    stack.wait_ready("param-server")
    stack.register(workload.spec(PUBLISH))
    asyncio.run(append(stack.server, stream))
    stack.start("trainer")
    return rate(asyncio.run(passed(stack.server, len(stream))))


def main() -> None:
    rates = []
    for every_other_is_bad in (False, True):
        with new_stack() as stack:
            rates.append(measured(stack, bodies(every_other_is_bad=every_other_is_bad)))
    clean, mixed = rates
    figure: Figure = against(
        "bad_events_rate",
        mixed,
        "events/s",
        reference="the same trainer over as many good events",
        reference_value=clean,
        at_least=AT_LEAST,
        note=f"{EVENTS} events of which every other one is set aside, {PUBLISH}, scaled logistic regression",
    )
    print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
