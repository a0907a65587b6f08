"""What packing saves: bodies of deltas by the wire form's choice, beside other ways to pack them.

`packed_bytes` is a delta as it travels, without its header of 17 bytes; `packing_cost` is the processor time
to pack it once and to unpack it once. The models learn streams that the dictionary was not trained on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from statistics import median
from typing import Any

import numpy as np
import torch
from river import datasets
from river.datasets import synth

from benchmarks.figures import Figure, rounded
from riverrun.codec.packing import pack, unpacking, zstd
from riverrun.codec.wire import encode_body
from riverrun.core.spec import parse_spec
from riverrun.core.steps import finish
from riverrun.core.units import SideDelta
from riverrun.learners.build import build_learner
from riverrun.learners.tensor_changes import TableRows, TensorChanges

VERSIONS = 7
AFTER = (1, 10, 100)
REPEATS = 5
ROWS, WIDTH, ROWS_PER_EVENT = 100_000, 16, 3
REFERENCE = "zstd level 3 without a dictionary"

Example = tuple[dict[str, Any], Any]
SCALED = "[preprocessing.StandardScaler, linear_model.LogisticRegression]"


def numbers(stream: Any, positive: Callable[[Any], bool] = bool) -> Iterator[Example]:
    """The examples of a stream of River's, as numbers by name and one of two classes."""
    for row, label in stream:
        yield {str(key): float(value) for key, value in row.items()}, positive(label)


def clusters() -> Iterator[Example]:
    """Twenty numbers around moving centres."""
    stream = synth.RandomRBFDrift(
        seed_model=42, seed_sample=1, n_classes=4, n_features=20, n_centroids=50, change_speed=0.001
    )
    return numbers(stream, lambda label: label > 1)


SUBJECTS: tuple[tuple[str, str, Callable[[], Iterator[Example]], int], ...] = (
    ("logistic regression, 20 features", SCALED, clusters, 2_000),
    ("logistic regression, 9 features", SCALED, lambda: numbers(datasets.Phishing()), 300),
    ("HoeffdingTree", "[tree.HoeffdingTreeClassifier]", clusters, 20_000),
    ("GaussianNB", "[naive_bayes.GaussianNB]", clusters, 1_000),
    ("ARF(10)", "[{forest.ARFClassifier: {n_models: 10, seed: 1}}]", clusters, 1_500),
    ("AMF(10)", "[{forest.AMFClassifier: {n_estimators: 10, seed: 1}}]", clusters, 1_500),
)


def learned(model: str, stream: Iterator[Example], events: int) -> Iterator[tuple[str, SideDelta]]:
    """Deltas of a River model by what they are called; several of each."""
    spec = parse_spec(f"{{name: m, task: binary, model: {model}, metrics: [ROCAUC, LogLoss]}}")
    learner = build_learner(spec)
    for more in (events, *(after for after in AFTER for _ in range(VERSIONS))):
        for row, label in islice(stream, more):
            learner.score(row, label, learner.predict(row))
            learner.learn([row], [label], [1.0])
        delta = learner.changes()
        if more != events:
            yield f"after {more}", delta.serving
            yield f"after {more}, trainer's side", delta.trainer


def embedding() -> Iterator[tuple[str, SideDelta]]:
    """Deltas of a table of which each event touches a few rows."""
    source = torch.Generator().manual_seed(1)
    table = torch.randn(ROWS, WIDTH, generator=source)
    tensors = TensorChanges()
    rows = TableRows(None, True, touched=None)
    units = dict(tensors.changes({"table": table}, {}, {"table": rows}).changed)
    for after in AFTER:
        for _ in range(VERSIONS):
            touched = torch.randint(ROWS, (after * ROWS_PER_EVENT,), generator=source)
            table[touched] += torch.randn(len(touched), WIDTH, generator=source)
            rows = TableRows(None, True, np.unique(touched.numpy()))
            delta = tensors.changes({"table": table}, units, {"table": rows})
            delta.apply_in_place(units)
            yield f"after {after}", delta


def cost_us(bodies: Sequence[bytes], there_and_back: Callable[[bytes], object]) -> float:
    """Microseconds that one of `bodies` takes; the best of several rounds."""
    best = float("inf")
    for _ in range(REPEATS):
        started = time.process_time()
        for body in bodies:
            there_and_back(body)
        best = min(best, time.process_time() - started)
    return 1e6 * best / len(bodies)


def figures(subject: str, bodies: Sequence[bytes]) -> Iterator[Figure]:
    """What becomes of equal deltas of one subject."""

    def packed(level: int) -> float:
        return median(len(zstd.compress(body, level)) for body in bodies)

    mine, theirs = median(len(pack(body)[1]) for body in bodies), packed(3)
    others = (
        f"{median(map(len, bodies)):.0f} bytes before, {packed(1):.0f} by level 1, {packed(9):.0f} by level 9"
    )
    yield Figure(
        f"packed_bytes: {subject}",
        rounded(mine),
        "bytes",
        REFERENCE,
        rounded(theirs),
        rounded(mine / theirs),
        note=others,
    )
    cost = cost_us(bodies, lambda body: finish(unpacking(*pack(body), len(body))))
    reference = cost_us(bodies, lambda body: zstd.decompress(zstd.compress(body, 3)))
    yield Figure(
        f"packing_cost: {subject}",
        rounded(cost),
        "us",
        REFERENCE,
        rounded(reference),
        rounded(cost / reference),
    )


def main() -> None:
    sources = [(name, learned(model, stream(), events)) for name, model, stream, events in SUBJECTS]
    for name, deltas in (*sources, (f"embedding table of {ROWS} x {WIDTH}", embedding())):
        by_kind: dict[str, list[bytes]] = {}
        for kind, delta in deltas:
            by_kind.setdefault(kind, []).append(encode_body(delta))
        for kind, equal in by_kind.items():
            for figure in figures(f"{name}, {kind}", equal):
                print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
