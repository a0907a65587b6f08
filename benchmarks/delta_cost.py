"""What a version costs: bytes, encoding and applying, beside pickling the whole model and loading it again.

Each model learns a stream, then versions are made after 1, 10 and 100 events. For each, `delta_bytes` is the
serving side's delta as it travels, and `delta_cost` the time to encode, digest and pack it, and to unpack,
apply and check it in a reader that follows; in CPU time, because the machine is rarely idle. The median of
several versions counts. Models of several sizes show what size adds to the cost of equal change.
"""

from __future__ import annotations

import gc
import pickle
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.delta_subjects import CURVES, SUBJECTS, Subject
from benchmarks.figures import Figure, bounded, rounded
from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.graph_encoder import GraphEncoder
from riverrun.codec.live_graph import LiveGraph
from riverrun.codec.wire import decode_side, encode_side
from riverrun.learners.river_allow_list import river_allow_list
from riverrun.learners.river_marks import collecting, river_marks

VERSIONS = 7
TARGET_EVENTS = 10
UNPACKED_AT_MOST = 64 << 20
REFERENCE = "the whole model by pickle"
NOTE = "serving side, packed as it travels; CPU time; the median of several versions"
GROWTH_NOTE = (
    "cost of the largest by that of the smallest, after 10 events each; the reference: their pickles"
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one version: the bytes that travel, and the milliseconds of both ends."""

    sent_bytes: float
    encode_ms: float
    apply_ms: float


class Line:
    """A trainer of one model and a reader that follows it."""

    def __init__(self, subject: Subject) -> None:
        self.model = subject.make()
        self._stream = subject.stream()
        self._marks = river_marks()
        self._encoder = GraphEncoder(river_allow_list(), self._marks)
        self.learn(subject.events)
        first = self._encoder.encode(self.model)
        decoder = GraphDecoder(river_allow_list())
        self._reader = LiveGraph(decoder, first.serving.changed, self._encoder.roots()[0])
        # Both of the reader's copies are built before anything is measured.
        for _ in range(2):
            self.learn(1)
            self.publish()

    def learn(self, events: int) -> None:
        """Learn the next `events` of the stream."""
        with collecting(self._marks):
            for _ in range(events):
                self.model.learn_one(*next(self._stream))

    def publish(self) -> Cost:
        """Make a version and bring the reader to it."""
        started = time.process_time()
        delta = self._encoder.encode(self.model)
        root = self._encoder.roots()[0]
        sent = encode_side(delta.serving)
        encoded = time.process_time()
        self._reader = self._reader.updated(decode_side(sent, max_bytes=UNPACKED_AT_MOST), root)
        applied = time.process_time()
        return Cost(len(sent), 1e3 * (encoded - started), 1e3 * (applied - encoded))

    def cost_after(self, events: int) -> Cost:
        """The median cost of versions of `events` each."""
        costs = []
        for _ in range(VERSIONS):
            self.learn(events)
            costs.append(self.publish())
        return middle(costs)


def pickled(model: Any) -> Cost:
    """What replacing the whole model by pickle costs."""
    started = time.process_time()
    dumped = pickle.dumps(model)
    written = time.process_time()
    pickle.loads(dumped)
    loaded = time.process_time()
    return Cost(len(dumped), 1e3 * (written - started), 1e3 * (loaded - written))


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each of the costs."""
    return Cost(
        median(cost.sent_bytes for cost in costs),
        median(cost.encode_ms for cost in costs),
        median(cost.apply_ms for cost in costs),
    )


@dataclass(frozen=True, slots=True)
class Costs:
    """Of one model: what its versions cost, by the events in each, and what pickling the whole does."""

    subject: Subject
    versions: dict[int, Cost]
    whole: Cost

    def figures(self) -> Iterator[Figure]:
        """One of bytes, one of encoding and one of applying for each number of events."""
        limit_ms, share, whole = self.subject.limit_ms, self.subject.share, self.whole
        for events, cost in self.versions.items():
            after = f"{self.subject.name}, after {events}"
            aimed_at = events == TARGET_EVENTS
            most = share * whole.sent_bytes if aimed_at and share is not None else None
            limit = limit_ms if aimed_at else None
            yield beside(f"delta_bytes: {after}", "bytes", cost.sent_bytes, whole.sent_bytes, most)
            yield beside(
                f"delta_cost: {after}, encode and digest", "ms", cost.encode_ms, whole.encode_ms, limit
            )
            yield beside(f"delta_cost: {after}, apply", "ms", cost.apply_ms, whole.apply_ms, limit)


def costs_of(subject: Subject) -> Costs:
    """Measure one model."""
    line = Line(subject)
    whole = middle([pickled(line.model) for _ in range(3)])
    return Costs(subject, {events: line.cost_after(events) for events in subject.after}, whole)


def growth(name: str, smallest: Costs, largest: Costs) -> Iterator[Figure]:
    """How much more a version of the largest costs than one of the smallest, beside how much larger it is."""
    size = largest.whole.sent_bytes / smallest.whole.sent_bytes
    small, large = smallest.versions[TARGET_EVENTS], largest.versions[TARGET_EVENTS]
    for what, ratio in (
        ("bytes", large.sent_bytes / small.sent_bytes),
        ("encode and digest", large.encode_ms / small.encode_ms),
        ("apply", large.apply_ms / small.apply_ms),
    ):
        yield Figure(
            f"delta_growth: {name}, {what}",
            rounded(ratio),
            "x",
            "the model's own growth",
            rounded(size),
            rounded(ratio / size),
            note=GROWTH_NOTE,
        )


def beside(name: str, unit: str, value: float, pickles: float, at_most: float | None) -> Figure:
    """`value` beside what pickle takes, with a target or without."""
    if at_most is None:
        ratio = rounded(value / pickles)
        return Figure(name, rounded(value), unit, REFERENCE, rounded(pickles), ratio, note=NOTE)
    return bounded(
        name, value, unit, at_most=at_most, reference=REFERENCE, reference_value=pickles, note=NOTE
    )


def main() -> None:
    # As in the services: nearly all that is made here is freed by its count.
    gc.set_threshold(20_000, 20, 20)
    for subject in SUBJECTS:
        show(costs_of(subject).figures())
    for name, subjects in CURVES.items():
        curve = []
        for subject in subjects:
            curve.append(costs_of(subject))
            show(curve[-1].figures())
        show(growth(name, curve[0], curve[-1]))


def show(figures: Iterable[Figure]) -> None:
    """Print `figures`, a line each."""
    for figure in figures:
        print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
