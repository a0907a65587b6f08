"""Freshness of a forest of ten trees, and whether requests notice that it is brought up to date.

The same model and measurement as in `benchmarks.freshness`, but for the size: both designs begin with a
forest that learned the same rows, of about 17 MB by pickle. First nothing is learned and each process is
asked for answers, then labels come at a rate and the same goes on.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import forest, preprocessing

from benchmarks.delta_subjects import two_classes
from benchmarks.figures import Figure, bounded, rounded
from benchmarks.freshness import Sent, Swap, check_answers, delays_ms, drive
from benchmarks.reference.hand_rolled_stack import MISSING, hand_rolled, is_available
from benchmarks.stack import running_stack
from benchmarks.systems import ByHand, Riverrun, System
from benchmarks.train_rate import fill_log
from benchmarks.workload import Workload

REPLICAS = 4
RATE = 100
SECONDS = 20
WARM_UP = 200
QUIET_S = 15.0
PROBE_EVERY_S = 0.02
FRESH_MS = 60.0
TIMES_FRESHER = 10.0
SLOWER_AT_MOST = 1.5

SPEC = """
name: forest
task: binary
model:
  - preprocessing.StandardScaler
  - forest.ARFClassifier: {n_models: 10, seed: 1}
features:
%s
metrics: [ROCAUC, LogLoss]
publish: {continuous: true, budget: 100%%}
"""


def forest_of_ten() -> Any:
    """The model of the spec."""
    return preprocessing.StandardScaler() | forest.ARFClassifier(n_models=10, seed=1)


FEATURES = next(two_classes())[0]
FOREST = Workload(
    "forest",
    SPEC.lstrip() % "\n".join(f"  {name}: float" for name in FEATURES),
    forest_of_ten,
    two_classes,
    taught=3_000,
)
FIRST = FOREST.taught + WARM_UP
"""The number of the first label that counts."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One design: how old what was learned got in milliseconds, and how long answers took."""

    delays_ms: NDArray[np.float64]
    quiet_ms: NDArray[np.float64]
    busy_ms: NDArray[np.float64]
    checked: int

    @property
    def quiet_p99_ms(self) -> float:
        """What all but 1 % of answers took at most while nothing was learned."""
        return float(np.percentile(self.quiet_ms, 99))

    @property
    def busy_p99_ms(self) -> float:
        """The same while labels came."""
        return float(np.percentile(self.busy_ms, 99))

    def fresh_ms(self, share: float) -> float:
        """Milliseconds that `share` of all (event, process) pairs do not exceed."""
        return float(np.percentile(self.delays_ms, 100 * share))


@dataclass(frozen=True, slots=True)
class Seen:
    """What was sent to a design while nothing was learned, and while labels came."""

    quiet: Sent
    busy: Sent

    def measured(self, swaps: list[list[Swap]], taken: list[list[Swap]]) -> Measured:
        """What that comes to, with the swaps of each process by events learned, and by version."""
        delays = np.concatenate([delays_ms(self.busy, FIRST, one) for one in swaps])
        checked = sum(check_answers(self.busy.probes, process, one) for process, one in enumerate(taken))
        return Measured(delays, answers_ms(self.quiet), answers_ms(self.busy), checked)


def answers_ms(sent: Sent) -> NDArray[np.float64]:
    """How long each answer took that was asked for while labels came, or of all where none came."""
    until_ns = max(sent.sent_ns, default=None)
    probes = [probe for probe in sent.probes if until_ns is None or probe.asked_ns <= until_ns]
    return np.array([(probe.answered_ns - probe.asked_ns) / 1e6 for probe in probes])


def see(system: System) -> Seen:
    """Ask for answers, then send labels too; all are served at the end."""
    drive(system, FOREST.taught, WARM_UP, RATE, probe_every_s=PROBE_EVERY_S)
    system.wait_served(FIRST)
    quiet = drive(system, FIRST, 0, RATE, probe_every_s=PROBE_EVERY_S, settle_s=QUIET_S)
    busy = drive(system, FIRST, RATE * SECONDS, RATE, probe_every_s=PROBE_EVERY_S)
    system.wait_served(FIRST + RATE * SECONDS)
    return Seen(quiet, busy)


def measure_riverrun() -> Measured:
    """riverrun, taught through its own log."""
    with running_stack(FOREST.spec, REPLICAS, record_swaps=True) as stack:
        system = Riverrun(stack, FOREST)
        fill_log(stack, list(islice(FOREST.rows(), FOREST.taught)), FOREST.name)
        system.wait_served(FOREST.taught)
        seen = see(system)
        learned = system.learned()
        # The records are written when the processes end.
        for index in range(REPLICAS):
            stack.stop(f"serving-{index}")
        taken = [stack.swaps(index) for index in range(REPLICAS)]
    swaps = [[(learned[version], at) for version, at in records] for records in taken]
    return seen.measured(swaps, taken)


def measure_by_hand(model: Any) -> Measured:
    """The hand-rolled design, which begins with `model`."""
    with hand_rolled(REPLICAS, model, FOREST.taught) as running:
        seen = see(ByHand(running, FOREST))
        swaps = [running.swaps(index) for index in range(REPLICAS)]
    return seen.measured(swaps, swaps)


def figures() -> Iterator[Figure]:
    """The figures of both designs under the same load."""
    model = FOREST.model()
    for row, label in islice(FOREST.rows(), FOREST.taught):
        model.learn_one(row, label)
    size_mb = len(pickle.dumps(model)) / 1e6
    hand, ours = measure_by_hand(model), measure_riverrun()
    note = (
        f"ARF(10) behind a scaler, {size_mb:.1f} MB by pickle; {RATE} events/s, {REPLICAS} serving processes"
        f", continuous publishing; {ours.checked} answers checked"
    )
    reference = "hand-rolled: pickle in Redis every 10 events, not durable"
    p50, by_hand = ours.fresh_ms(0.5), hand.fresh_ms(0.5)
    yield bounded(
        "freshness_forest_p50",
        p50,
        "ms",
        at_most=FRESH_MS,
        reference=reference,
        reference_value=by_hand,
        note=note,
    )
    yield Figure(
        "freshness_forest_times_fresher",
        rounded(by_hand / p50),
        "x",
        target=f">= {TIMES_FRESHER:g} x",
        holds=by_hand / p50 >= TIMES_FRESHER,
        note=f"p50 of the hand-rolled design / p50 of riverrun; {note}",
    )
    yield Figure(
        "freshness_forest_p99",
        rounded(ours.fresh_ms(0.99)),
        "ms",
        reference,
        rounded(hand.fresh_ms(0.99)),
        rounded(ours.fresh_ms(0.99) / hand.fresh_ms(0.99)),
        note=note,
    )
    ratio = ours.busy_p99_ms / ours.quiet_p99_ms
    yield Figure(
        "freshness_forest_request_p99",
        rounded(ours.busy_p99_ms),
        "ms",
        "the same processes while nothing is learned",
        rounded(ours.quiet_p99_ms),
        rounded(ratio),
        f"<= {SLOWER_AT_MOST:g} x the reference",
        ratio <= SLOWER_AT_MOST,
        f"{len(ours.busy_ms)} answers, one each {1000 * PROBE_EVERY_S:g} ms by each process; hand-rolled: "
        f"{hand.busy_p99_ms:.4g} ms, and {hand.quiet_p99_ms:.4g} ms while nothing is learned; {note}",
    )


def main() -> None:
    if not is_available():
        sys.exit(MISSING)
    for figure in figures():
        print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
