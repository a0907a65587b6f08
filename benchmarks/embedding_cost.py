"""What a version of a torch model costs: a table of embeddings, of which a step touches few rows, and an MLP.

Each model learns a stream, one example a step, then versions are made after 1, 10 and 100 events. For each,
`delta_bytes` is the serving side's delta as it travels, and `delta_cost` the time to encode and digest both
sides, and to apply the serving side in a reader that follows; in CPU time, because the machine is rarely
idle. The median of several versions counts. Tables of several sizes show what the size of a table adds to the
cost of equal change.
"""

from __future__ import annotations

import io
import pickle
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch

from benchmarks.figures import Figure, bounded, rounded
from riverrun.codec.wire import encode_side
from riverrun.core.predictions import Features, Label
from riverrun.core.spec import ModelSpec, parse_spec
from riverrun.learners.build import build_learner, build_predictor
from riverrun.learners.factories import NO_FACTORIES
from riverrun.learners.torch_builder import build_torch_model

VERSIONS = 15
EVENTS_PER_VERSION = (1, 10, 100)
TARGET_EVENTS = 10
CATEGORIES = 10
COLUMNS = 16
SMALL, LARGE = 10_000, 1_000_000
GROWTH = 2.0
"""What a table a hundred times as large may add to the cost of equal change, as a factor."""
OVERHEAD = 1.25
"""What a row may take as it travels, beside its numbers, as a factor."""
NOTE = "bytes and applying: serving side; encoding: both sides; CPU time; the median of several versions"

Example = tuple[Features, Label]


@dataclass(frozen=True, slots=True)
class Subject:
    """A model, its stream, and how many examples it learns before it is measured."""

    name: str
    spec: ModelSpec
    stream: Callable[[], Iterator[Example]]
    events: int


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one version: the bytes that travel, and the milliseconds of both ends."""

    sent_bytes: float
    encode_ms: float
    apply_ms: float


def categories() -> Iterator[Example]:
    """Ten categories of 200,000 values each."""
    source = random.Random(7)
    while True:
        yield {f"c{i}": f"v{source.randrange(200_000)}" for i in range(CATEGORIES)}, source.random() < 0.5


def numbers() -> Iterator[Example]:
    """Twenty numbers."""
    source = random.Random(7)
    while True:
        row = {f"f{i}": source.gauss(0, 1) for i in range(20)}
        yield row, row["f0"] > row["f1"]


def table(rows: int) -> Subject:
    """A factorisation machine whose table has `rows` rows of 16 numbers."""
    features = ", ".join(f"c{i}: category" for i in range(CATEGORIES))
    model = f"{{factorization: {{dim: {COLUMNS - 1}, buckets: {rows}, optimizer: Adagrad}}}}"
    return Subject(f"{rows:,} x {COLUMNS} table", _spec(model, features), categories, 2_000)


def _spec(model: str, features: str) -> ModelSpec:
    return parse_spec(
        f"{{name: bench, task: binary, learner: torch, model: {model}, features: {{{features}}}}}"
    )


MLP = Subject(
    "MLP(64, 32)",
    _spec("{mlp: {hidden: [64, 32]}}", ", ".join(f"f{i}: float" for i in range(20))),
    numbers,
    2_000,
)


class Line:
    """A trainer of one model and a reader that follows it."""

    def __init__(self, subject: Subject) -> None:
        self._stream = subject.stream()
        self._learner = build_learner(subject.spec)
        self.first_bytes = len(encode_side(self._learner.changes().serving))
        self.learn(subject.events)
        self._learner.changes()
        self._reader = build_predictor(subject.spec, self._learner.state().serving, self._learner.roots()[0])

    def learn(self, events: int) -> None:
        """Learn the next `events` of the stream."""
        for _ in range(events):
            row, label = next(self._stream)
            self._learner.learn([row], [label], [1.0])

    def publish(self) -> Cost:
        """Make a version and bring the reader to it."""
        started = time.process_time()
        delta = self._learner.changes()
        root = self._learner.roots()[0]
        encoded = time.process_time()
        self._reader = self._reader.updated(delta.serving, root)
        applied = time.process_time()
        return Cost(len(encode_side(delta.serving)), 1e3 * (encoded - started), 1e3 * (applied - encoded))


def whole(subject: Subject) -> tuple[str, Cost]:
    """What replacing the whole model costs, by the quicker of ``torch.save`` and pickle, and its name."""
    state = build_torch_model(subject.spec, NO_FACTORIES).module.state_dict()
    arrays = {name: tensor.numpy() for name, tensor in state.items()}
    by_torch = middle([_timed(lambda: _torch_dumps(state), _torch_loads) for _ in range(3)])
    by_pickle = middle([_timed(lambda: pickle.dumps(arrays), pickle.loads) for _ in range(3)])
    by_name = {"the whole model by torch.save": by_torch, "the whole model by pickle": by_pickle}
    return min(by_name.items(), key=lambda item: item[1].encode_ms + item[1].apply_ms)


def _timed(dump: Callable[[], bytes], load: Callable[[bytes], Any]) -> Cost:
    started = time.process_time()
    dumped = dump()
    written = time.process_time()
    load(dumped)
    loaded = time.process_time()
    return Cost(len(dumped), 1e3 * (written - started), 1e3 * (loaded - written))


def _torch_dumps(state: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    torch.save(state, file)
    return file.getvalue()


def _torch_loads(dumped: bytes) -> object:
    return torch.load(io.BytesIO(dumped), weights_only=True)


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each of the costs."""
    return Cost(
        median(cost.sent_bytes for cost in costs),
        median(cost.encode_ms for cost in costs),
        median(cost.apply_ms for cost in costs),
    )


def measured(line: Line, events: int) -> Cost:
    """What versions of `events` each cost in the middle."""
    costs = []
    for _ in range(VERSIONS):
        line.learn(events)
        costs.append(line.publish())
    return middle(costs)


def opened(subject: Subject) -> Line:
    """A line of which both copies of the reader are built already."""
    line = Line(subject)
    for _ in range(2):
        line.learn(1)
        line.publish()
    return line


def figures() -> Iterator[Figure]:
    """All of them, as they come."""
    small = measured(opened(table(SMALL)), TARGET_EVENTS)
    for rows in (SMALL, 100_000, LARGE):
        subject = table(rows)
        line = opened(subject)
        reference, replaced = whole(subject)
        if rows == LARGE:
            name = f"delta_bytes: {subject.name}, untrained"
            yield beside(name, "bytes", line.first_bytes, reference, replaced.sent_bytes, 4096)
        for events in EVENTS_PER_VERSION if rows == LARGE else (TARGET_EVENTS,):
            cost = measured(line, events)
            after = f"{subject.name}, after {events}"
            row_bytes = events * CATEGORIES * COLUMNS * 4
            of_target = rows == LARGE and events == TARGET_EVENTS
            yield from three(
                after,
                cost,
                reference,
                replaced,
                Cost(OVERHEAD * row_bytes, GROWTH * small.encode_ms, GROWTH * small.apply_ms)
                if of_target
                else None,
            )
    line = opened(MLP)
    reference, replaced = whole(MLP)
    for events in EVENTS_PER_VERSION:
        yield from three(f"{MLP.name}, after {events}", measured(line, events), reference, replaced, None)


def three(after: str, cost: Cost, reference: str, replaced: Cost, limits: Cost | None) -> Iterator[Figure]:
    """The figures of one kind of version, with or without targets."""
    for name, unit, field in (
        (f"delta_bytes: {after}", "bytes", "sent_bytes"),
        (f"delta_cost: {after}, encode and digest", "ms", "encode_ms"),
        (f"delta_cost: {after}, apply", "ms", "apply_ms"),
    ):
        limit = None if limits is None else getattr(limits, field)
        yield beside(name, unit, getattr(cost, field), reference, getattr(replaced, field), limit)


def beside(
    name: str, unit: str, value: float, reference: str, reference_value: float, at_most: float | None
) -> Figure:
    """`value` beside what replacing the whole model takes, with a target or without."""
    if at_most is None:
        ratio = rounded(value / reference_value)
        return Figure(name, rounded(value), unit, reference, rounded(reference_value), ratio, note=NOTE)
    return bounded(
        name, value, unit, at_most=at_most, reference=reference, reference_value=reference_value, note=NOTE
    )


def main() -> None:
    for figure in figures():
        print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
