"""What rounding saves readers: bytes of serving's deltas in each precision, and how far answers move.

`serving_bytes` is the serving side of a version as it travels; `pushed_bytes` both sides, which the trainer
pushes and the parameter server stores; `answer_error` the largest difference of a probability that a reader
gives with rounded weights from the trainer's own. The median of several versions counts.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import Any

from benchmarks.figures import Figure, rounded
from riverrun.codec.wire import encode_side
from riverrun.core.spec import ModelSpec, parse_spec
from riverrun.learners.build import build_learner, build_predictor

VERSIONS = 5
AFTER = (10, 100)
PRECISIONS = ("exact", "bf16", "int8")
FEATURES, PER_EVENT = 100_000, 50
USERS = 20_000
PROBES = 50
REFERENCE = "the same, exact"

Example = tuple[dict[str, Any], bool]


@dataclass(frozen=True, slots=True)
class Subject:
    """A model, what it learns, and how many events before anything is measured."""

    name: str
    spec: str
    stream: Callable[[], Iterator[Example]]
    events: int


def hashed() -> Iterator[Example]:
    """Fifty of many features at a time; some tell the label."""
    source = random.Random(7)
    while True:
        chosen = [source.randrange(FEATURES) for _ in range(PER_EVENT)]
        yield {f"h{i}": 1.0 for i in chosen}, sum(i % 2 for i in chosen) * 2 > PER_EVENT


def meetings() -> Iterator[Example]:
    """A user and an item; some pairs get on."""
    source = random.Random(9)
    while True:
        user, item = source.randrange(USERS), source.randrange(USERS)
        yield {"user": f"u{user}", "item": f"i{item}"}, (user + item) % 3 == 0


def clicks() -> Iterator[Example]:
    """Twenty numbers with a rule behind them."""
    source = random.Random(11)
    while True:
        row = {f"f{i}": source.gauss(0, 1) for i in range(20)}
        yield row, row["f0"] * row["f1"] + row["f2"] > 0


NUMBERS = "{" + ", ".join(f"f{i}: float" for i in range(20)) + "}"
SUBJECTS = (
    Subject(
        f"logistic regression of {FEATURES} hashed features",
        "model: [linear_model.LogisticRegression]",
        hashed,
        4_000,
    ),
    Subject(
        "factorization of 200000 rows of 16",
        "learner: torch, features: {user: category, item: category}, "
        "model: {factorization: {dim: 16, buckets: 100000, optimizer: {SGD: {lr: 0.1}}}}",
        meetings,
        2_000,
    ),
    Subject(
        "mlp of 20-64-32-1",
        f"learner: torch, features: {NUMBERS}, model: {{mlp: {{hidden: [64, 32]}}}}",
        clicks,
        1_000,
    ),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """Of versions after equally many events: the medians of their bytes, and the worst answer."""

    serving: float
    pushed: float
    worst_answer: float


def measured(subject: Subject, precision: str) -> Iterator[tuple[int, Measured]]:
    """What versions are in one precision, by the events since the version before."""
    spec = spec_of(subject, precision)
    learner, examples = build_learner(spec), subject.stream()

    def learn(events: int) -> None:
        for row, label in islice(examples, events):
            learner.learn([row], [label], [1.0])

    learn(subject.events)
    learner.changes()
    predictor = build_predictor(spec, learner.state().serving, learner.roots()[0])
    probes = [row for row, _ in islice(subject.stream(), PROBES)]
    for after in AFTER:
        serving, pushed, worst = [], [], 0.0
        for _ in range(VERSIONS):
            learn(after)
            delta = learner.changes()
            serving.append(len(encode_side(delta.serving)))
            pushed.append(serving[-1] + len(encode_side(delta.trainer)))
            predictor = predictor.updated(delta.serving, learner.roots()[0])
            worst = max(
                worst, *(abs(probability(predictor, row) - probability(learner, row)) for row in probes)
            )
        yield after, Measured(median(serving), median(pushed), worst)


def spec_of(subject: Subject, precision: str) -> ModelSpec:
    """The subject's spec in a precision."""
    return parse_spec(f"{{name: m, task: binary, {subject.spec}, publish: {{precision: {precision}}}}}")


def probability(model: Any, row: dict[str, Any]) -> float:
    """The probability that `model` gives to true."""
    return float(model.predict(row).probabilities[True])


def main() -> None:
    for subject in SUBJECTS:
        found = {precision: dict(measured(subject, precision)) for precision in PRECISIONS}
        for after in AFTER:
            exact = found["exact"][after]
            for precision in PRECISIONS[1:]:
                mine = found[precision][after]
                name = f"{subject.name}, {precision}, after {after}"
                for what, value, whole in (
                    ("serving_bytes", mine.serving, exact.serving),
                    ("pushed_bytes", mine.pushed, exact.pushed),
                ):
                    ratio = rounded(value / whole)
                    figure = Figure(
                        f"{what}: {name}", rounded(value), "bytes", REFERENCE, rounded(whole), ratio
                    )
                    print(figure.line(), flush=True)
                error = Figure(f"answer_error: {name}", rounded(mine.worst_answer), "probability")
                print(error.line(), flush=True)


if __name__ == "__main__":
    main()
