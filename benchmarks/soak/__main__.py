"""Runs the stack for hours with everything on, and says whether memory, files, disk or latency grew.

`riverrun up` with two serving processes and three models (linear, a forest, a network in torch), under
labels and predictions over REST and gRPC, rollbacks, kills and a short retention. Writes into --out what
`record` reads, and plots. Exit status 1 when anything grew, a prediction stayed unanswered, or a label was
not learned exactly once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.soak import plots
from benchmarks.soak.disturbances import Happened, Schedule, disturb
from benchmarks.soak.record import SAMPLES, Record, write_end
from benchmarks.soak.samples import sample
from benchmarks.soak.stack import UpStack, up
from benchmarks.soak.subjects import SUBJECTS
from benchmarks.soak.traffic import Traffic
from riverrun.client import AsyncClient

REPLICAS = 2
LEARNED_S = 120.0
"""What the trainer may take, after the last label, to have learned and published everything."""


async def soak(stack: UpStack, options: argparse.Namespace) -> None:
    """Everything for so long; its record lies in `options.out`."""
    seconds = options.minutes * 60
    schedule = Schedule(seconds, options.kill_every_minutes * 60, options.rollback_every_minutes * 60)
    traffic = Traffic(stack.serving_ports("rest"), stack.serving_ports("grpc"), options.seed)
    happened = Happened()
    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        group.create_task(traffic.run(options.labels_per_s, options.predictions_per_s))
        group.create_task(disturb(stack, schedule, started, happened))
        with (options.out / SAMPLES).open("w") as lines:
            while (at_s := time.monotonic() - started) < seconds:
                if stack.ended is not None:
                    raise RuntimeError(f"riverrun up ended with {stack.ended}")
                lines.write(json.dumps(await sample(at_s, stack, traffic.record)) + "\n")
                lines.flush()
                await asyncio.sleep(options.sample_every_s)
        traffic.stop()
    acknowledged = dict(traffic.record.acknowledged)
    labels = {"acknowledged": acknowledged, "learned": await learned(stack, acknowledged)}
    write_end(options.out, happened.events, labels)


async def learned(stack: UpStack, acknowledged: dict[str, int]) -> dict[str, int]:
    """Examples in the newest version of each model, once they are those acknowledged, or in the end."""
    deadline = time.monotonic() + LEARNED_S
    async with AsyncClient(server=stack.server) as client:
        while True:
            found = {
                subject.name: (await client.versions(subject.name, limit=1))[0].examples
                for subject in SUBJECTS
            }
            if found == acknowledged or time.monotonic() > deadline:
                return found
            await asyncio.sleep(0.5)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--minutes", type=float, default=120.0, help="how long (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("bench-out/soak"), help="(%(default)s)")
    parser.add_argument("--labels-per-s", type=float, default=20.0, help="for each model (%(default)s)")
    parser.add_argument("--predictions-per-s", type=float, default=50.0, help="of all (%(default)s)")
    parser.add_argument("--kill-every-minutes", type=float, default=10.0, help="(%(default)s)")
    parser.add_argument("--rollback-every-minutes", type=float, default=3.0, help="(%(default)s)")
    parser.add_argument("--sample-every-s", type=float, default=10.0, help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="(%(default)s)")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="riverrun-soak-") as folder,
        up(Path(folder), REPLICAS) as stack,
    ):
        print(f"soaking for {options.minutes:g} minutes; see {options.out / SAMPLES}", flush=True)
        asyncio.run(soak(stack, options))
    record = Record.read(options.out)
    plots.draw(options.out, record.samples, record.happened)
    judgement = record.judged()
    print(judgement)
    sys.exit(0 if judgement.holds else 1)


if __name__ == "__main__":
    main()
