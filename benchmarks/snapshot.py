"""How long requests take while a snapshot of 64 MiB arrives: received, proven, built and swapped.

One serving process has a core to itself and answers with a linear model; meanwhile whole versions of another
model are pushed to it, each once the one before is in use. What was asked while one was on its way, from its
announcement to the swap, is held against what was asked before. The first of a kind is left aside: with it
the process imports the library that answers, once in its life. Client, parameter server and pusher share the
other core, the latter two as in `swaps`.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from subprocess import PIPE

import numpy as np

from benchmarks import workload
from benchmarks.figures import Figure, rounded
from benchmarks.http_load import Load
from benchmarks.predict import CLIENT_CORE
from benchmarks.processes import python
from benchmarks.swaps import CONCURRENCY, RATE, asked, give_way, push_one, pushing, serving, swaps_of
from riverrun.core.predictions import Features
from riverrun.core.spec import parse_spec
from riverrun.learners.build import build_learner
from riverrun.learners.protocol import Learner
from riverrun.rpc.channels import open_channel
from riverrun.rpc.params_client import ParameterClient
from riverrun.rpc.trainer_session import open_session

NUMBERS = 20
WORDS = 3_350_000
LINEAR = "{linear_model.LogisticRegression: {optimizer: {optim.SGD: {lr: 0.05}}}}"
SPECS = {
    "tensors": f"""
name: large
task: binary
learner: torch
model: {{mlp: {{hidden: [4096, 4020]}}}}
features: {{{", ".join(f"f{i}: float" for i in range(NUMBERS))}}}
""",
    "weights by name": f"""
name: large
task: binary
model: [{{feature_extraction.BagOfWords: {{on: text}}}}, {LINEAR}]
features: {{text: text}}
""",
}
MIB = 1 << 20
SNAPSHOTS = 4
SLICE_S = 1.0
BEFORE_S = 4.0
TIMES = 2.0
PERCENTILE = 99.0

Window = tuple[float, float]
"""From when to when a snapshot was on its way, by ``time.perf_counter``."""


def taught(kind: str) -> tuple[Learner, Features]:
    """A learner whose serving side has 64 MiB, and a row that changes little of it."""
    learner = build_learner(parse_spec(SPECS[kind]))
    if kind == "tensors":
        return learner, dict.fromkeys((f"f{i}" for i in range(NUMBERS)), 0.5)
    source = random.Random(7)
    words = [f"{source.getrandbits(40):x}" for _ in range(WORDS)]
    learner.learn([{"text": " ".join(words)}], [True], [1.0])
    # Once more by some of them each time, for the weights to differ.
    for label in (False, True):
        learner.learn([{"text": " ".join(source.sample(words, WORDS // 2))}], [label], [1.0])
    return learner, {"text": words[0]}


async def push(server: str, kind: str) -> None:
    """Push snapshots, and print of each its version, when it was announced (Unix ns) and its bytes.

    The next one comes once a line was read from standard input.
    """
    learner, row = taught(kind)
    async with open_channel(server) as channel:
        client = ParameterClient(channel, deadline_s=60)
        head = 0
        for count in range(1 + SNAPSHOTS):
            learner.learn([row], [count % 2 == 0], [1.0])
            learner.changes()
            delta = learner.state().as_snapshot()
            async with open_session(client, "large", 1, "benchmark") as session:
                made, epoch = (delta, learner.roots()), session.opened.epoch
                head = await push_one(client, "large", epoch, head, made, whole=True)
            print(head, time.time_ns(), sum(map(len, delta.serving.changed.values())), flush=True)
            await asyncio.to_thread(sys.stdin.readline)


def on_the_way(load: Load, windows: Sequence[Window]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Latencies of the requests that were in flight in any of `windows`."""
    within = np.zeros(len(load.sent_s), dtype=bool)
    for begun, ended in windows:
        within |= (load.sent_s < ended) & (load.sent_s + load.latencies_s > begun)
    return load.latencies_s[within]


def arriving(kind: str) -> Figure:
    """The percentile while snapshots of one kind arrive, beside the one before."""
    with serving(workload.LINEAR, record_swaps=True) as stack:
        with pushing(stack, workload.LINEAR, RATE):
            pass
        before = asked(stack, BEFORE_S)
        stack.register(SPECS[kind])
        taken = swaps_of(stack)
        epoch_s = time.time() - time.perf_counter()
        command = python("benchmarks.snapshot", "push", stack.server, kind)
        loads = []
        with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True, bufsize=1) as pusher:
            assert pusher.stdin is not None
            assert pusher.stdout is not None
            for count in range(1, 2 + SNAPSHOTS):
                while swaps_of(stack) < taken + count:
                    if pusher.poll() is not None:
                        raise RuntimeError(f"the pusher ended with {pusher.returncode}")
                    loads.append(asked(stack, SLICE_S))
                print(file=pusher.stdin)
            _, *pushes = (tuple(map(int, line.split())) for line in pusher.stdout)
        stack.stop("serving-0")
        swapped = {version: at_ns for version, at_ns in stack.swaps(0) if at_ns >= pushes[0][1]}
    windows = [(at_ns / 1e9 - epoch_s, swapped[version] / 1e9 - epoch_s) for version, at_ns, _ in pushes]
    times = np.concatenate([on_the_way(load, windows) for load in loads]) * 1000
    ours = float(np.percentile(times, PERCENTILE))
    theirs = float(np.percentile(before.latencies_s * 1000, PERCENTILE))
    took_s = np.median([ended - begun for begun, ended in windows])
    return Figure(
        f"snapshot_p{PERCENTILE:g}: {kind}",
        rounded(ours),
        "ms",
        "the same with nothing arriving",
        rounded(theirs),
        rounded(ours / theirs),
        f"<= {TIMES:g} x the reference",
        ours <= TIMES * theirs,
        f"{len(pushes)} snapshots of {pushes[0][2] / MIB:.0f} MiB, each {took_s:.2f} s on its way; "
        f"{len(times)} answers meanwhile, {CONCURRENCY} in flight",
    )


def main() -> None:
    match sys.argv[1:]:
        case ["push", server, kind]:
            give_way(0)
            asyncio.run(push(server, kind))
        case _:
            os.sched_setaffinity(0, CLIENT_CORE)
            for kind in SPECS:
                print(arriving(kind).line(), flush=True)


if __name__ == "__main__":
    main()
