"""What a version costs: bytes, encoding and applying, beside pickling the whole model and loading it again.

Each model learns a stream, then versions are made after 1, 10 and 100 events. For each, `delta_bytes` is the
serving side's delta as it travels, and `delta_cost` the time to encode and digest it, and to apply it in a
reader that follows; in CPU time, because the machine is rarely idle. The median of several versions counts.
Forests of several sizes show what the size of a model adds to the cost of equal change.
"""

from __future__ import annotations

import pickle
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from river import ensemble, forest, linear_model, optim, preprocessing, tree
from river.datasets import synth

from benchmarks.figures import Figure, bounded, rounded
from riverrun.codec.graph_decoder import GraphDecoder
from riverrun.codec.graph_encoder import GraphEncoder
from riverrun.codec.live_graph import LiveGraph
from riverrun.codec.wire import encode_side
from riverrun.learners.river_allow_list import river_allow_list
from riverrun.learners.river_marks import collecting, river_marks

VERSIONS = 7
EVENTS_PER_VERSION = (1, 10, 100)
TARGET_EVENTS = 10
REFERENCE = "the whole model by pickle"
NOTE = "serving side, compressed as it travels; CPU time; the median of several versions"
BYTES_SHARE = 0.05
HASHED_FEATURES = 100_000
HASHED_PER_EVENT = 50

Example = tuple[dict[str, float], Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """A model, what it learns before it is measured, and what a version after 10 events may be.

    `limit_ms` is for each of encoding and applying, `share` of the pickle's bytes; None sets no target.
    """

    name: str
    make: Callable[[], Any]
    stream: Callable[[], Iterator[Example]]
    events: int
    limit_ms: float | None = None
    share: float | None = BYTES_SHARE
    after: tuple[int, ...] = EVENTS_PER_VERSION


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one version: the bytes that travel, and the milliseconds of both ends."""

    sent_bytes: float
    encode_ms: float
    apply_ms: float


def clusters() -> Iterator[Example]:
    """Twenty numbers around moving centres, in four classes."""
    generator = synth.RandomRBFDrift(
        seed_model=42, seed_sample=1, n_classes=4, n_features=20, n_centroids=50, change_speed=0.001
    )
    for row, label in generator:
        yield {f"f{key}": value for key, value in row.items()}, label


def two_classes() -> Iterator[Example]:
    """The same, told apart in two."""
    for row, label in clusters():
        yield row, label > 1


def hashed() -> Iterator[Example]:
    """First every feature once, then fifty of them at a time."""
    source = random.Random(7)
    yield {f"h{i}": 1.0 for i in range(HASHED_FEATURES)}, True
    while True:
        names = (f"h{source.randrange(HASHED_FEATURES)}" for _ in range(HASHED_PER_EVENT))
        yield dict.fromkeys(names, 1.0), source.random() < 0.5


def scaled(model: Any) -> Any:
    """`model` behind a scaler."""
    return preprocessing.StandardScaler() | model


def forest_of_ten(events: int, after: tuple[int, ...] = (10,)) -> Subject:
    """Ten adaptive trees that learned `events`."""
    return Subject(
        f"ARF(10) of {events} events",
        lambda: forest.ARFClassifier(n_models=10, seed=1),
        clusters,
        events,
        limit_ms=25,
        after=after,
    )


SUBJECTS = (
    Subject(
        "logistic regression",
        lambda: scaled(linear_model.LogisticRegression()),
        two_classes,
        2_000,
        limit_ms=1,
        share=None,
    ),
    Subject("HoeffdingTree", tree.HoeffdingTreeClassifier, clusters, 50_000),
    Subject(
        f"logistic regression of {HASHED_FEATURES} hashed features",
        lambda: linear_model.LogisticRegression(optim.SGD(0.1)),
        hashed,
        1_000,
        share=None,
    ),
    Subject("HoeffdingAdaptiveTree", lambda: tree.HoeffdingAdaptiveTreeClassifier(seed=1), clusters, 20_000),
    forest_of_ten(1_500),
    forest_of_ten(9_000, EVENTS_PER_VERSION),
    forest_of_ten(15_000),
    Subject("AMF(10)", lambda: forest.AMFClassifier(n_estimators=10, seed=1), clusters, 3_000),
    Subject("SRP(10)", lambda: ensemble.SRPClassifier(n_models=10, seed=1), clusters, 3_000),
)


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
        encoded = time.process_time()
        self._reader = self._reader.updated(delta.serving, root)
        applied = time.process_time()
        return Cost(len(encode_side(delta.serving)), 1e3 * (encoded - started), 1e3 * (applied - encoded))


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


def figures(subject: Subject) -> Iterator[Figure]:
    """The figures of one model, as they come."""
    line = Line(subject)
    # Both of a reader's copies are built before anything is measured.
    for _ in range(2):
        line.learn(1)
        line.publish()
    whole = middle([pickled(line.model) for _ in range(3)])
    for events in subject.after:
        costs = []
        for _ in range(VERSIONS):
            line.learn(events)
            costs.append(line.publish())
        cost = middle(costs)
        after = f"{subject.name}, after {events}"
        aimed_at = events == TARGET_EVENTS
        share = subject.share * whole.sent_bytes if aimed_at and subject.share is not None else None
        limit = subject.limit_ms if aimed_at else None
        yield beside(f"delta_bytes: {after}", "bytes", cost.sent_bytes, whole.sent_bytes, share)
        yield beside(f"delta_cost: {after}, encode and digest", "ms", cost.encode_ms, whole.encode_ms, limit)
        yield beside(f"delta_cost: {after}, apply", "ms", cost.apply_ms, whole.apply_ms, limit)


def beside(name: str, unit: str, value: float, pickles: float, at_most: float | None) -> Figure:
    """`value` beside what pickle takes, with a target or without."""
    if at_most is None:
        ratio = rounded(value / pickles)
        return Figure(name, rounded(value), unit, REFERENCE, rounded(pickles), ratio, note=NOTE)
    return bounded(
        name, value, unit, at_most=at_most, reference=REFERENCE, reference_value=pickles, note=NOTE
    )


def main() -> None:
    for subject in SUBJECTS:
        for figure in figures(subject):
            print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
