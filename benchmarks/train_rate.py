"""Training: events a second through log, learning and publishing, beside the bare River loop.

The log is filled first, through serving, while no trainer runs. Then the trainer starts; its rate is
that between the first version it pushed after starting and the last but one, by the parameter server's
record of when each was durable: before the last it may have waited, with nothing left to learn. The bare
loop runs afterwards, with the machine to itself as the trainer had it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from benchmarks import workload
from benchmarks.figures import Figure, against
from benchmarks.http_load import connections, post
from benchmarks.reference.bare_loop import events_per_second
from benchmarks.stack import Stack, new_stack
from riverrun.client import AsyncClient
from riverrun.core.versions import Manifest

LOT = 1_000
LEARN_S = 120.0


@dataclass(frozen=True, slots=True)
class Subject:
    """What is learned, from how many events and published how; `make` builds the same for the bare loop."""

    figure: str
    called: str
    model: str
    make: Callable[[], Any]
    publish: str
    events: int
    at_least: float


SUBJECTS = (
    Subject(
        "train_rate",
        "scaled logistic regression",
        workload.LINEAR,
        workload.bare_model,
        "{every: 1s}",
        300_000,
        0.8,
    ),
    Subject(
        "train_rate_forest",
        "ARF(10)",
        workload.FOREST,
        workload.bare_forest,
        "{continuous: true, budget: 5%}",
        10_000,
        0.95,
    ),
)


def fill_log(stack: Stack, rows: Sequence[workload.Row], model: str = workload.NAME) -> None:
    """Send all `rows` as feedback for `model`, in lots."""

    async def send() -> None:
        async with connections(stack.rest_ports[0], 1) as [connection]:
            for start in range(0, len(rows), LOT):
                lot = rows[start : start + LOT]
                lines = "\n".join(json.dumps({"features": x, "label": y}) for x, y in lot)
                path = f"/v1/models/{model}:feedback"
                status, body = await connection.request(post(path, lines.encode(), "application/x-ndjson"))
                if status != 202:
                    raise RuntimeError(f"feedback was answered {status}: {body[:200]!r}")

    asyncio.run(send())


def learned(stack: Stack, events: int) -> list[Manifest]:
    """Every version, oldest first, once the newest holds `events`; TimeoutError when none does in time."""

    async def read() -> list[Manifest]:
        deadline = time.monotonic() + LEARN_S
        async with AsyncClient(server=stack.server) as client:
            while True:
                newest = await client.versions(workload.NAME, limit=1)
                if newest and newest[0].examples >= events:
                    return (await client.versions(workload.NAME, limit=1000))[::-1]
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{newest} holds too little after {LEARN_S:g} s")
                await asyncio.sleep(0.25)

    return asyncio.run(read())


def rate(versions: Sequence[Manifest]) -> float:
    """Events a second from the first version that had learned any to the last but one."""
    first, *_, last = [manifest for manifest in versions if manifest.examples][:-1]
    return (last.examples - first.examples) / ((last.created_ns - first.created_ns) / 1e9)


def measure(subject: Subject) -> Figure:
    """The trainer's rate beside that of the bare loop."""
    rows = list(islice(workload.endless(), subject.events))
    with new_stack() as stack:
        stack.start("param-server")
        stack.wait_ready("param-server")
        stack.register(workload.spec(subject.publish, subject.model))
        stack.start("trainer")
        stack.start("serving-0")
        stack.wait_ready("trainer", "serving-0")
        stack.stop("trainer")
        fill_log(stack, rows)
        stack.start("trainer")
        versions = learned(stack, subject.events)
    conditions = f"{subject.events} events of {subject.called}, publish {subject.publish}"
    return against(
        subject.figure,
        rate(versions),
        "events/s",
        reference="bare River loop: predict, update metrics, learn",
        reference_value=events_per_second(subject.make(), rows),
        at_least=subject.at_least,
        note=f"{conditions}, {len(versions)} versions",
    )


def main() -> None:
    for subject in SUBJECTS:
        print(measure(subject).line(), flush=True)


if __name__ == "__main__":
    main()
