"""Runs the stack for hours with everything on, and says whether memory, files, disk or latency grew.

`riverrun up` with two serving processes and three models (linear, a forest, a network in torch), under
labels and predictions over REST and gRPC, rollbacks, kills and a short retention. Writes into --out:
`samples.jsonl` as it goes, `soak.json` with the verdict, and plots. Exit status 1 when anything grew, a
prediction stayed unanswered, or a label was not learned exactly once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.run import machine
from benchmarks.soak import plots
from benchmarks.soak.disturbances import Happened, Schedule, disturb
from benchmarks.soak.samples import Sample, sample
from benchmarks.soak.stack import UpStack, up
from benchmarks.soak.subjects import SUBJECTS
from benchmarks.soak.traffic import Traffic
from benchmarks.soak.verdict import Judgement, judge
from riverrun.client import AsyncClient

REPLICAS = 2
LEARNED_S = 120.0
"""What the trainer may take, after the last label, to have learned and published everything."""


async def soak(stack: UpStack, options: argparse.Namespace) -> tuple[list[Sample], Happened, dict[str, Any]]:
    """Everything for so long; the samples, what was done, and what became of the labels."""
    seconds = options.minutes * 60
    schedule = Schedule(seconds, options.kill_every_minutes * 60, options.rollback_every_minutes * 60)
    traffic = Traffic(stack.serving_ports("rest"), stack.serving_ports("grpc"), options.seed)
    samples: list[Sample] = []
    happened = Happened()
    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        group.create_task(traffic.run(options.labels_per_s, options.predictions_per_s))
        group.create_task(disturb(stack, schedule, started, happened))
        with (options.out / "samples.jsonl").open("w") as lines:
            while (at_s := time.monotonic() - started) < seconds:
                if stack.ended is not None:
                    raise RuntimeError(f"riverrun up ended with {stack.ended}")
                samples.append(await sample(at_s, stack, traffic.record))
                lines.write(json.dumps(samples[-1]) + "\n")
                lines.flush()
                await asyncio.sleep(options.sample_every_s)
        traffic.stop()
    acknowledged = dict(traffic.record.acknowledged)
    return samples, happened, {"acknowledged": acknowledged, "learned": await learned(stack, acknowledged)}


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


def write(
    out: Path, samples: list[Sample], happened: list[dict[str, Any]], labels: dict[str, Any]
) -> Judgement:
    """The record and the plots into `out`."""
    judgement = judge(samples, happened, labels)
    record = {
        "machine": machine(),
        "minutes": round(samples[-1]["at_s"] / 60, 1),
        "verdict": judgement.as_json(),
        "labels": labels,
        "counts": samples[-1]["counts"],
        "happened": happened,
    }
    (out / "soak.json").write_text(json.dumps(record, indent=1) + "\n")
    plots.draw(out, samples, happened)
    return judgement


def main() -> None:
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="riverrun-soak-") as folder,
        up(Path(folder), REPLICAS) as stack,
    ):
        print(f"soaking for {options.minutes:g} minutes; see {options.out}/samples.jsonl", flush=True)
        samples, happened, labels = asyncio.run(soak(stack, options))
        # What the plots are drawn from, should drawing fail.
        (options.out / "happened.json").write_text(
            json.dumps({"happened": happened.events, "labels": labels})
        )
    judgement = write(options.out, samples, happened.events, labels)
    print(judgement)
    sys.exit(0 if judgement.holds else 1)


if __name__ == "__main__":
    main()
