"""Learners that tell what they touch, and drifting streams that make them grow, prune and replace parts."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from river import drift, ensemble, forest, linear_model, optim, tree

Example = tuple[dict[str, Any], Any]
CONCEPTS = 4


def labelled(events: int) -> Iterator[Example]:
    """Two classes, whose border moves; one feature is text with ever more values, one is missing at times."""
    source = random.Random(3)
    for i in range(events):
        row: dict[str, Any] = {f"f{j}": source.random() for j in range(6)}
        row["colour"] = source.choice("abcdefg"[: 2 + i * 6 // events])
        now = i * CONCEPTS // events
        label = int(row[f"f{now}"] + 0.3 * row[f"f{(now + 1) % 6}"] > 0.65 + 0.1 * source.random())
        if source.random() < 0.05:
            del row["f0"]
        yield row, label


def numeric(events: int) -> Iterator[Example]:
    """The same without text and gaps."""
    for row, label in labelled(events):
        del row["colour"]
        yield {"f0": 0.5, **row}, label


def valued(events: int) -> Iterator[Example]:
    """The same with numbers to predict."""
    for row, label in numeric(events):
        yield row, label + 0.3 * row["f5"]


def two_targets(events: int) -> Iterator[Example]:
    """The same with two numbers to predict at once."""
    for row, value in valued(events):
        yield row, {"one": value, "other": row["f4"] - value}


def many_features(events: int) -> Iterator[Example]:
    """A few features of many at a time; new ones come up at first."""
    source = random.Random(5)
    for i in range(events):
        known = 300 + min(i, 100)
        yield {f"h{source.randrange(known)}": source.random() for _ in range(12)}, source.random() < 0.5


@dataclass(frozen=True)
class Family:
    """One kind of learner and a stream that it learns from; `events` of it show its ways.

    `repeatable` is false where what it does depends on where its objects lie in memory.
    """

    name: str
    make: Callable[[], Any]
    stream: Callable[[int], Iterator[Example]]
    events: int = 600
    repeatable: bool = True

    def __str__(self) -> str:
        return self.name


def _nervous() -> Any:
    return drift.ADWIN(delta=0.05, clock=4)


FAMILIES = (
    Family("HoeffdingTree", lambda: tree.HoeffdingTreeClassifier(grace_period=30, tau=0.1), labelled),
    Family(
        "HoeffdingTree-multiway",
        lambda: tree.HoeffdingTreeClassifier(
            grace_period=30, tau=0.1, nominal_attributes=["colour"], max_depth=4
        ),
        labelled,
    ),
    Family(
        "HoeffdingTree-small",
        lambda: tree.HoeffdingTreeClassifier(
            grace_period=30, tau=0.1, max_size=0.02, memory_estimate_period=100, remove_poor_attrs=True
        ),
        labelled,
        repeatable=False,
    ),
    Family("LogisticRegression", linear_model.LogisticRegression, many_features),
    Family(
        "LogisticRegression-L1",
        lambda: linear_model.LogisticRegression(optim.SGD(0.3), l1=0.001),
        many_features,
    ),
    Family(
        "LinearRegression-Adam-L2",
        lambda: linear_model.LinearRegression(optim.Adam(), l2=0.01),
        many_features,
    ),
    Family("HoeffdingTreeRegressor", lambda: tree.HoeffdingTreeRegressor(grace_period=60), valued),
    Family(
        "HoeffdingTreeRegressor-QO",
        lambda: tree.HoeffdingTreeRegressor(grace_period=60, splitter=tree.splitter.QOSplitter()),
        valued,
    ),
    Family(
        "HoeffdingAdaptiveTree",
        lambda: tree.HoeffdingAdaptiveTreeClassifier(
            grace_period=30, tau=0.1, seed=1, drift_window_threshold=50, drift_detector=_nervous()
        ),
        labelled,
    ),
    Family(
        "HoeffdingAdaptiveTreeRegressor",
        lambda: tree.HoeffdingAdaptiveTreeRegressor(
            grace_period=60, seed=1, drift_window_threshold=50, drift_detector=_nervous()
        ),
        valued,
    ),
    Family("LAST", tree.LASTClassifier, numeric),
    Family("EFDT", lambda: tree.ExtremelyFastDecisionTreeClassifier(grace_period=30), numeric),
    Family("SGT", lambda: tree.SGTClassifier(grace_period=30, delta=0.01), numeric, events=150),
    Family("SGTRegressor", lambda: tree.SGTRegressor(grace_period=30, delta=0.01), valued, events=90),
    Family("ISOUP", lambda: tree.ISOUPTreeRegressor(grace_period=60), two_targets, events=250),
    Family("ARF", lambda: forest.ARFClassifier(n_models=3, seed=1, grace_period=20), labelled),
    Family("ARFRegressor", lambda: forest.ARFRegressor(n_models=3, seed=1, grace_period=40), valued),
    Family("AMF", lambda: forest.AMFClassifier(n_estimators=3, seed=1, max_nodes=500), numeric),
    Family("AMFRegressor", lambda: forest.AMFRegressor(n_estimators=2, seed=1, max_nodes=500), valued),
    Family("OXT", lambda: forest.OXTRegressor(n_models=3, seed=1, grace_period=40), valued),
    Family(
        "SRP",
        lambda: ensemble.SRPClassifier(
            n_models=3, seed=1, model=tree.HoeffdingTreeClassifier(grace_period=20, delta=0.01)
        ),
        labelled,
    ),
    Family(
        "SRPRegressor",
        lambda: ensemble.SRPRegressor(n_models=3, seed=1, model=tree.HoeffdingTreeRegressor(grace_period=20)),
        valued,
    ),
)
