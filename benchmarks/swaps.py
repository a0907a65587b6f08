"""What swapping costs: latencies with ten versions a second against none, and memory over ten thousand.

A real learner learns a row and pushes a version, ten times a second, from a process on the client's core; the
parameter server runs there, too, and serving has the other core to itself. Both are idle processes to the
scheduler, so that the client never waits for them and its clock shows what serving does. Rounds with and
without pushes take turns; each percentile is the median of those of its rounds, because machines are faster
now and slower then.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks import http_load, workload
from benchmarks.figures import Figure, rounded
from benchmarks.http_load import Load, post
from benchmarks.predict import CLIENT_CORE, SERVER_CORE
from benchmarks.processes import listening, python, wait_until
from benchmarks.stack import Stack, new_stack
from riverrun.codec.wire import encode_side
from riverrun.core.spec import ModelSpec, parse_spec
from riverrun.core.units import Delta
from riverrun.learners.build import build_learner
from riverrun.rpc.channels import open_channel
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.trainer_session import open_session
from riverrun.rpc.weights import Push

MODELS = {"logistic regression": workload.LINEAR, "ARF(10)": workload.FOREST}
QUANTILES = ((50.0, 1.1), (99.0, 1.2), (99.9, 1.5))
"""Percentiles, and how many times as long each may take as without swaps."""

RATE = 10.0
ROUNDS, ROUND_S = 8, 4.0
CONCURRENCY = 4
TAUGHT = 500
SWAPS = 10_000
WARM_SWAPS = 500


Made = tuple[Delta, tuple[bytes, bytes]]
"""A version, whole or what changed, and its roots."""


def versions(spec: ModelSpec) -> Iterator[Made]:
    """The versions of a learner that was taught a little, each a row further; the first one whole."""
    learner = build_learner(spec)
    rows = workload.endless()
    for _ in range(TAUGHT):
        features, label = next(rows)
        learner.learn([features], [label], [1.0])
    learner.changes()
    yield learner.state().as_snapshot(), learner.roots()
    while True:
        features, label = next(rows)
        learner.learn([features], [label], [1.0])
        yield learner.changes(), learner.roots()


async def push_one(
    client: ParameterClient, model: str, epoch: int, head: int, made: Made, *, whole: bool, least: int = 0
) -> int:
    """Push what was made on top of the version `head`; its version. Unit numbers below `least` are taken."""
    delta, (serving_root, trainer_root) = made
    pushed = await client.push(
        Push(
            model, 1, epoch, head, f"push-{head}", encode_side(delta.serving), encode_side(delta.trainer),
            whole, serving_root, trainer_root, max(delta.next_unit, least),
        )
    )  # fmt: skip
    return pushed.version


async def push(server: str, model: str, rate: float) -> None:
    """Push `rate` versions a second until standard input is closed; 0: without rest."""
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    spec = parse_spec(workload.spec("{every: 1s}", model))
    made = versions(spec)
    # Those of a round are made before it: the client's core is the client's then.
    ready = list(itertools.islice(made, 1 + int(rate * (ROUND_S + 1))))
    async with open_channel(server) as channel:
        client = ParameterClient(channel)
        async with open_session(client, spec.name, 1, "benchmark") as session:
            opened = session.opened.head
            head, least = (0, 0) if opened is None else (opened.version, opened.next_unit)
            first, due = True, time.monotonic()
            for one in itertools.chain(ready, made):
                if ended.done():
                    break
                epoch = session.opened.epoch
                head = await push_one(client, spec.name, epoch, head, one, whole=first, least=least)
                first = False
                await session.report(examples=head)
                due = max(due + (1 / rate if rate else 0), time.monotonic())
                await asyncio.sleep(due - time.monotonic())


@contextmanager
def pushing(stack: Stack, model: str, rate: float) -> Iterator[None]:
    """Versions keep coming while the block runs; the first is there when it begins."""
    before = swaps_of(stack)
    command = python("benchmarks.swaps", "push", stack.server, model, str(rate))
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        wait_until(lambda: swaps_of(stack) > before, "the first version", 120)
        yield
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(60)


def give_way(pid: int) -> None:
    """Have a process, 0 for this one, run only where its core has nothing else to do."""
    os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))


def swaps_of(stack: Stack) -> int:
    """Versions that serving took into use so far."""
    return int(stack.metric("serving-0", "riverrun_serving_swaps_total"))


@contextmanager
def serving(model: str, *, record_swaps: bool = False) -> Iterator[Stack]:
    """A stack without a trainer: what is pushed is this benchmark's."""
    with new_stack() as stack:
        stack.start("param-server", cores=CLIENT_CORE)
        give_way(stack.pid("param-server"))
        stack.wait_ready("param-server")
        stack.register(workload.spec("{every: 1s}", model))
        stack.start("serving-0", cores=SERVER_CORE, record_swaps=record_swaps)
        wait_until(lambda: listening(stack.rest_ports[0]), "serving")
        yield stack


def asked(stack: Stack, seconds: float) -> Load:
    """One request over and over."""
    body = json.dumps({"features": workload.rows()[0][0]}).encode()
    message = post(f"/v1/models/{workload.NAME}:predict", body)
    return asyncio.run(
        http_load.closed_loop(stack.rest_ports[0], message, concurrency=CONCURRENCY, seconds=seconds)
    )


def latencies(name: str, model: str) -> Iterator[Figure]:
    """Each percentile, with versions coming and without."""
    with serving(model) as stack:
        calm, busy = [], []
        taken = 0
        for _ in range(ROUNDS):
            with pushing(stack, model, RATE):
                before = swaps_of(stack)
                busy.append(asked(stack, ROUND_S).latencies_s * 1000)
                taken += swaps_of(stack) - before
            calm.append(asked(stack, ROUND_S).latencies_s * 1000)
    for percentile, times in QUANTILES:
        ours, theirs = (
            float(np.median([np.percentile(one, percentile) for one in rounds])) for rounds in (busy, calm)
        )
        yield Figure(
            f"swaps_p{percentile:g}: {name}",
            rounded(ours),
            "ms",
            "the same without swaps",
            rounded(theirs),
            rounded(ours / theirs),
            f"<= {times:g} x the reference",
            ours <= times * theirs,
            f"{taken / (ROUNDS * ROUND_S):.1f} swaps a second, {sum(map(len, busy))} answers, "
            f"{CONCURRENCY} in flight",
        )


def memory() -> Figure:
    """Memory of serving after so many swaps, beside what it was after a few."""
    with serving(workload.LINEAR) as stack, pushing(stack, workload.LINEAR, 0.0):
        pid = stack.pid("serving-0")
        wait_until(lambda: swaps_of(stack) >= WARM_SWAPS, "warm-up", 120)
        before = rss_mib(pid)
        wait_until(lambda: swaps_of(stack) >= SWAPS, "all swaps", 600)
        after = rss_mib(pid)
    return Figure(
        f"swaps_memory: {SWAPS} swaps",
        rounded(after),
        "MiB",
        f"after {WARM_SWAPS} of them",
        rounded(before),
        rounded(after / before),
        "<= 1.02 x the reference",
        after <= 1.02 * before,
        "resident memory of serving; the linear model, a version after each row",
    )


def rss_mib(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def figures() -> Iterator[Figure]:
    """Latencies of both models, then memory."""
    for name, model in MODELS.items():
        yield from latencies(name, model)
    yield memory()


def main() -> None:
    match sys.argv[1:]:
        case ["push", server, model, rate]:
            give_way(0)
            asyncio.run(push(server, model, float(rate)))
        case _:
            os.sched_setaffinity(0, CLIENT_CORE)
            for figure in figures():
                print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
