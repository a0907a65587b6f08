"""Run every benchmark, print its figures as they come, and render docs/benchmarks.md from them."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.processes import python

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
BENCHMARKS = (
    "freshness",
    "predict",
    "batch",
    "answer_parts",
    "train_rate",
    "join",
    "durability",
    "bad_events",
    "freshness_forest",
    "delta_cost",
    "embedding_cost",
    "lossy_bytes",
    "grpc_hop",
    "path_cost",
    "experiments",
    "drift",
    "sync_interval",
    "fan_out",
    "swaps",
    "start",
)

PREAMBLE = """# Benchmarks

Written by `make bench`; do not edit. Each figure is measured beside its reference, in the same run on
the same machine; `benchmarks/` has the program for each.

"""


def run(name: str) -> Iterator[Figure]:
    """The figures of one benchmark, as they come."""
    with subprocess.Popen(python(f"benchmarks.{name}"), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            yield Figure(**json.loads(line))
    if process.returncode != 0:
        raise SystemExit(f"benchmark {name} failed")


def machine() -> str:
    """What was measured on, in one line."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("river", "grpcio", "fastapi", "uvicorn"))
    cpu_lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in cpu_lines if line.startswith("model name")]
    cores = f"{os.cpu_count()} cores of {models[0] if models else platform.machine()}"
    return f"{cores}, Linux, Python {platform.python_version()}, {packages}"


def page(figures: Sequence[Figure], load: float) -> str:
    """The figures as a page; `load` is the machine's load average before anything was measured."""
    day = datetime.now(UTC).date().isoformat()
    quiet = f"The machine's load average was {load:.1f} before: above 0.5 it was busy with something else."
    lines = [PREAMBLE, f"Measured {day} on {machine()}. {quiet}\n\n"]
    lines.append("| figure | value | reference | its value | ratio | target | holds |\n")
    lines.append("| --- | ---: | --- | ---: | ---: | --- | --- |\n")
    for figure in figures:
        held = {None: "", True: "yes", False: "**no**"}[figure.holds]
        lines.append(
            f"| {figure.name} | {number(figure.value)} {figure.unit} | {figure.reference} "
            f"| {number(figure.reference_value)} | {number(figure.ratio)} | {figure.target} | {held} |\n"
        )
    lines.append("\nUnder which conditions:\n\n")
    lines += [f"- `{figure.name}`: {figure.note}\n" for figure in figures if figure.note]
    return "".join(lines)


def number(value: float | None) -> str:
    """A value for a table."""
    return "" if value is None else f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", default=BENCHMARKS, help=f"of {', '.join(BENCHMARKS)}")
    names = parser.parse_args().names
    if unknown := set(names) - set(BENCHMARKS):
        sys.exit(f"no such benchmark: {', '.join(sorted(unknown))}; there are: {', '.join(BENCHMARKS)}")
    load = os.getloadavg()[0]
    figures = [figure for name in names for figure in run(name)]
    if set(names) == set(BENCHMARKS):
        PAGE.write_text(page(figures, load))
        print(f"written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
