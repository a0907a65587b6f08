"""The models of which `benchmarks.delta_cost` says what a version costs, and the streams that they learn."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from river import ensemble, forest, linear_model, optim, preprocessing, tree
from river.datasets import synth

EVENTS_PER_VERSION = (1, 10, 100)
BYTES_SHARE = 0.05
HASHED_FEATURES = 100_000
FEWER_FEATURES = 10_000
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


def hashed(features: int) -> Iterator[Example]:
    """First every feature once, then fifty of them at a time."""
    source = random.Random(7)
    yield {f"h{i}": 1.0 for i in range(features)}, True
    while True:
        names = (f"h{source.randrange(features)}" for _ in range(HASHED_PER_EVENT))
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


def linear_of(features: int, after: tuple[int, ...] = (10,)) -> Subject:
    """A linear model with a weight for each of many features."""
    return Subject(
        f"logistic regression of {features} hashed features",
        lambda: linear_model.LogisticRegression(optim.SGD(0.1)),
        partial(hashed, features),
        1_000,
        share=None,
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
    Subject("HoeffdingAdaptiveTree", lambda: tree.HoeffdingAdaptiveTreeClassifier(seed=1), clusters, 20_000),
    Subject("AMF(10)", lambda: forest.AMFClassifier(n_estimators=10, seed=1), clusters, 3_000),
    Subject("SRP(10)", lambda: ensemble.SRPClassifier(n_models=10, seed=1), clusters, 3_000),
)

CURVES = {
    "logistic regression of hashed features": (
        linear_of(FEWER_FEATURES),
        linear_of(HASHED_FEATURES, EVENTS_PER_VERSION),
    ),
    "ARF(10)": (forest_of_ten(1_500), forest_of_ten(9_000, EVENTS_PER_VERSION), forest_of_ten(15_000)),
}
"""Models that differ in size alone, the smallest first."""
