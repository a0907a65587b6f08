"""What a run of many faults came to, and whether it counts."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fault.harness.oracle import Oracle, Problem

MIN_RATE = 20.0
"""Acknowledged pushes a second before a fault, below which a run shows nothing."""

MIN_IN_FLIGHT = 0.3
"""Share of faults that must hit a push in flight."""


TRIES = 4
"""Runs, each of a seed of its own, of which one must count: a busy machine lets a load go short."""


class Vacuous(AssertionError):
    """The run did not load the server enough to show anything."""


@dataclass
class Tally:
    """Counts of one run. `fault` is what was done: "kill -9", "power cut"."""

    fault: str
    seed: int
    faults: int = 0
    in_flight: int = 0
    acked: int = 0
    labels: int = 0
    unknown: int = 0
    load_s: float = 0.0
    rates: list[float] = field(default_factory=list)
    """Acknowledged pushes a second before each fault, where that is known of each."""

    restart_s: list[float] = field(default_factory=list)
    reached: Counter[str] = field(default_factory=Counter)
    """Steps by name that the process was made to end in."""

    problems: list[Problem] = field(default_factory=list)

    def struck(self, oracle: Oracle, load_s: float) -> None:
        """A fault struck now, after `load_s` of load."""
        self.faults += 1
        self.in_flight += oracle.in_flight > 0
        self.load_s += load_s

    def life_ended(self, oracle: Oracle) -> None:
        """One life of a store is over."""
        self.acked += len(oracle.acked)
        self.labels += len(oracle.offsets)
        self.unknown += oracle.in_flight

    @property
    def rate(self) -> float:
        """Acknowledged pushes for each second of load; the median of `rates` where there are some, which does
        not fall because the machine stood still before one of the faults."""
        if self.rates:
            return statistics.median(self.rates)
        return self.acked / self.load_s if self.load_s else 0.0

    @property
    def in_flight_share(self) -> float:
        """Share of faults that hit a push in flight."""
        return self.in_flight / self.faults if self.faults else 0.0

    @property
    def kinds(self) -> Counter[str]:
        """How often each kind of problem was found."""
        return Counter(problem.kind for problem in self.problems)

    def counts(self, min_rate: float = MIN_RATE) -> bool:
        """Whether the load was above the floor of a run that counts."""
        return self.rate >= min_rate and self.in_flight_share >= MIN_IN_FLIGHT

    def check_floor(self, min_rate: float = MIN_RATE) -> None:
        """Raise `Vacuous` below the floor of a run that counts."""
        if not self.counts(min_rate):
            raise Vacuous(f"below the floor, so this run shows nothing: {self}")

    def check(self, min_rate: float = MIN_RATE) -> None:
        """Fail where a promise was broken, or where the run shows nothing."""
        print(self)
        shown = "\n".join(str(problem) for problem in self.problems[:20])
        assert not self.problems, f"{self}\n{shown}"
        self.check_floor(min_rate)

    def figures(self) -> dict[str, Any]:
        """For the report."""
        figures: dict[str, Any] = {
            self.fault: self.faults,
            "seed": self.seed,
            "acknowledged pushes": self.acked,
            "acknowledged labels": self.labels,
            "acknowledged pushes/s": round(self.rate),
            "with a push in flight": f"{self.in_flight_share:.0%}",
            "broken promises": len(self.problems),
        }
        if self.restart_s:
            figures["restart to first pull, p95 s"] = round(percentile(self.restart_s, 0.95), 2)
        return figures

    def __str__(self) -> str:
        broken = ", ".join(f"{count} x {kind}" for kind, count in self.kinds.items()) or "no broken promise"
        return (
            f"seed {self.seed}: {self.faults} x {self.fault}, {self.in_flight_share:.0%} with a push in "
            f"flight; {self.acked} pushes acknowledged ({self.rate:.0f}/s) and {self.labels} labels, "
            f"{self.unknown} left unknown; {broken}"
        )


async def first_that_counts(run: Callable[[Path, int], Awaitable[Tally]], folder: Path, seed: int) -> Tally:
    """The first of some runs that counts, or that broke a promise; the last one where none does.

    `run` takes an empty folder and a seed.
    """
    for number in range(TRIES):
        place = folder / f"try-{number}"
        place.mkdir()
        tally = await run(place, seed + number)
        if tally.problems or tally.counts():
            break
        print(f"does not count: {tally}")
    return tally


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of `values` lie."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
