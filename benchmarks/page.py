"""docs/benchmarks.md: the newest figures of each benchmark, and when and where each was measured.

The figures are kept in docs/benchmarks.json, so that one benchmark can be measured anew by itself.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
RECORD = ROOT / "docs" / "benchmarks.json"

PREAMBLE = """# Benchmarks

Written by `make bench`; do not edit. Each figure is measured beside its reference, in the same run on
the same machine: a ratio can be compared between machines, a value cannot. `make bench ARGS=predict`
measures one section anew; `benchmarks/` has the program for each. Where more than 0.1 of its cores was
busy before, the machine did something else besides.
"""
HEAD = """| figure | value | reference | its value | ratio | target | holds |
| --- | ---: | --- | ---: | ---: | --- | --- |
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one benchmark, the day, the machine and how many of its cores were busy before."""

    day: str
    machine: str
    busy_cores: float
    figures: tuple[Figure, ...]

    @classmethod
    def now(cls, figures: Sequence[Figure], busy: float) -> Measured:
        """Measured today on this machine, of whose cores `busy` were busy before."""
        return cls(datetime.now(UTC).date().isoformat(), machine(), round(busy, 2), tuple(figures))

    @classmethod
    def of(cls, record: dict[str, Any]) -> Measured:
        """As `docs/benchmarks.json` has it."""
        return cls(**record | {"figures": tuple(Figure(**figure) for figure in record["figures"])})


def machine() -> str:
    """What is measured on, in one line."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("river", "grpcio", "fastapi", "uvicorn"))
    cpu_lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in cpu_lines if line.startswith("model name")]
    cores = f"{os.cpu_count()} cores of {models[0] if models else platform.machine()}"
    return f"{cores}, Linux, Python {platform.python_version()}, {packages}"


def busy_cores(watched_s: float = 2.0) -> float:
    """How many cores are busy on average from now for `watched_s`, whoever keeps them so."""
    started, before = time.monotonic(), _idle_s()
    time.sleep(watched_s)
    return max(0.0, (os.cpu_count() or 1) - (_idle_s() - before) / (time.monotonic() - started))


def _idle_s() -> float:
    _, idle = Path("/proc/uptime").read_text().split()
    return float(idle)


def keep(name: str, measured: Measured, order: Sequence[str]) -> None:
    """Replace what is known of benchmark `name`, and write the page anew, its sections in `order`."""
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    record[name] = asdict(measured)
    record = {name: record[name] for name in order if name in record}
    RECORD.write_text(json.dumps(record, indent=1) + "\n")
    PAGE.write_text("".join(_page({name: Measured.of(each) for name, each in record.items()})))


def _page(sections: dict[str, Measured]) -> Iterator[str]:
    yield PREAMBLE
    for name, measured in sections.items():
        yield f"\n## {name}\n\nMeasured {measured.day} on {measured.machine}. "
        yield f"Cores busy before: {measured.busy_cores}.\n\n"
        yield HEAD
        for figure in measured.figures:
            held = {None: "", True: "yes", False: "**no**"}[figure.holds]
            value = "none" if figure.value is None else f"{number(figure.value)} {figure.unit}"
            yield (
                f"| {figure.name} | {value} | {figure.reference} "
                f"| {number(figure.reference_value)} | {number(figure.ratio)} | {figure.target} | {held} |\n"
            )
        if notes := [f"- `{figure.name}`: {figure.note}\n" for figure in measured.figures if figure.note]:
            yield "\nUnder which conditions:\n\n"
            yield from notes


def number(value: float | None) -> str:
    """A value for a table."""
    return "" if value is None else f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
