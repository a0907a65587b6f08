"""Run every benchmark, print its figures as they come, and keep them in docs/benchmarks.md."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator

from benchmarks import page
from benchmarks.figures import Figure
from benchmarks.processes import python

BENCHMARKS = (
    "freshness",
    "predict",
    "peers",
    "batch",
    "answer_parts",
    "train_rate",
    "join",
    "durability",
    "bad_events",
    "gate_cost",
    "label_flip",
    "freshness_forest",
    "delta_cost",
    "embedding_cost",
    "lossy_bytes",
    "grpc_hop",
    "path_cost",
    "rollback",
    "experiments",
    "drift",
    "sync_interval",
    "fan_out",
    "swaps",
    "snapshot",
    "start",
)


def run(name: str) -> Iterator[Figure]:
    """The figures of one benchmark, as they come.

    Raises:
        subprocess.CalledProcessError: it failed, perhaps after some figures.
    """
    command = python(f"benchmarks.{name}")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            yield Figure(**json.loads(line))
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", default=BENCHMARKS, help=f"of {', '.join(BENCHMARKS)}")
    names = parser.parse_args().names
    if unknown := set(names) - set(BENCHMARKS):
        sys.exit(f"no such benchmark: {', '.join(sorted(unknown))}; there are: {', '.join(BENCHMARKS)}")
    failed = []
    for name in names:
        busy = page.busy_cores()
        try:
            page.keep(name, page.Measured.now(list(run(name)), busy), BENCHMARKS)
        except subprocess.CalledProcessError as error:
            print(error, file=sys.stderr)
            failed.append(name)
    print(f"written: {page.PAGE.relative_to(page.ROOT)}")
    if failed:
        sys.exit(f"failed, and left as they were on the page: {', '.join(failed)}")


if __name__ == "__main__":
    main()
