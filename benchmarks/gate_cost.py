"""What a gate costs: freshness and the trainer's processor time with the gate off, in shadow and enforcing.

All three in one run, one after the other and twice over, at 100 labels a second over HTTP to one serving
process. With a gate that enforces, what is sent waits for the window that it is part of: so labels go on for
two windows more, whose freshness is not counted.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from benchmarks import workload
from benchmarks.figures import Figure, rounded
from benchmarks.freshness import WARM_UP, WARM_UP_RATE, delays_ms, drive
from benchmarks.processes import cpu_seconds
from benchmarks.stack import running_stack
from benchmarks.systems import Riverrun
from benchmarks.workload import Row

RATE = 100
SECONDS = 20
ROUNDS = 2
WINDOW = 500
GATES = {"off": "", **{mode: f"gate: {{mode: {mode}, window: {WINDOW}}}\n" for mode in ("shadow", "enforce")}}


def drawn() -> Iterator[Row]:
    """The rows drawn at random, without end: in the order of the file a gate would find drifts."""
    rows, draw = workload.rows(), random.Random(7)
    while True:
        yield draw.choice(rows)


PHISHING = replace(workload.PHISHING, rows=drawn)


@dataclass
class Measured:
    """One mode: milliseconds from label to swap for each event, and what the trainer took for each."""

    delays_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """Milliseconds that `share` of all events do not exceed."""
        return float(np.percentile(self.delays_ms, 100 * share))

    @property
    def cpu_ms_per_event(self) -> float:
        """The trainer's processor time for an event, on average."""
        return float(np.mean(self.cpu_ms))


def measure(mode: str, seconds: int, into: Measured) -> None:
    """Add a run with the gate in `mode`."""
    counted = seconds * RATE
    sent_in_all = counted + 2 * WINDOW
    with running_stack(PHISHING.spec + GATES[mode], record_swaps=True) as stack:
        system = Riverrun(stack, PHISHING)
        drive(system, 0, WARM_UP, WARM_UP_RATE)
        before = cpu_seconds([stack.pid("trainer")])
        sent = drive(system, WARM_UP, sent_in_all, RATE)
        into.cpu_ms.append(1000 * (cpu_seconds([stack.pid("trainer")]) - before) / sent_in_all)
        learned = system.learned()
        # The record is written when the process ends.
        stack.stop("serving-0")
        swaps = [(learned[version], at) for version, at in stack.swaps(0)]
    into.delays_ms += delays_ms(replace(sent, sent_ns=sent.sent_ns[:counted]), WARM_UP, swaps).tolist()


def figures(measured: Mapping[str, Measured]) -> Iterator[Figure]:
    """What each mode of the gate takes, beside none."""
    off = measured["off"]
    note = f"{RATE} events/s, 1 serving process, continuous publishing, windows of {WINDOW} examples"
    for mode, one in measured.items():
        if mode == "off":
            continue
        for name, unit, value, without in (
            ("freshness_p50", "ms", one.percentile(0.5), off.percentile(0.5)),
            ("freshness_p99", "ms", one.percentile(0.99), off.percentile(0.99)),
            ("trainer_cpu", "CPU-ms/event", one.cpu_ms_per_event, off.cpu_ms_per_event),
        ):
            yield Figure(
                f"gate_{mode}_{name}",
                rounded(value),
                unit,
                "the gate off",
                rounded(without),
                rounded(value / without),
                note=note,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=SECONDS, help="seconds of labels in each run")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each mode has its turn")
    chosen = parser.parse_args()
    measured = {mode: Measured() for mode in GATES}
    for _ in range(chosen.rounds):
        for mode, one in measured.items():
            measure(mode, chosen.seconds, one)
    for figure in figures(measured):
        print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
