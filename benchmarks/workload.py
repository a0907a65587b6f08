"""What is learned and asked in every benchmark: River's Phishing rows, and the models that learn them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from river import datasets, forest, linear_model, optim, preprocessing

Row = tuple[dict[str, float], bool]


@dataclass(frozen=True, slots=True)
class Workload:
    """A model as its spec and, the same, as a bare River object; and the rows that it learns.

    `rows` gives the same rows without end at each call, of which `taught` are learned before anything is
    measured.
    """

    name: str
    spec: str
    model: Callable[[], Any]
    rows: Callable[[], Iterator[Row]]
    taught: int = 0


NAME = "phishing"

LINEAR = (
    "[preprocessing.StandardScaler, {linear_model.LogisticRegression: {optimizer: {optim.SGD: {lr: 0.05}}}}]"
)

FOREST = "{forest.ARFClassifier: {n_models: 10, seed: 1}}"

SPEC = """
name: phishing
task: binary
model: %(model)s
features:
%(features)s
metrics: [ROCAUC, LogLoss]
publish: %(publish)s
"""


def rows() -> list[Row]:
    """The 1,250 rows of the data set, in order."""
    return [({name: float(value) for name, value in x.items()}, bool(y)) for x, y in datasets.Phishing()]


def endless() -> Iterator[Row]:
    """The rows again and again."""
    return itertools.cycle(rows())


def spec(publish: str, model: str = LINEAR) -> str:
    """The model spec, with `publish` and `model` as YAML in flow style."""
    features = "\n".join(f"  {name}: float" for name in rows()[0][0])
    return SPEC.lstrip() % {"features": features, "model": model, "publish": publish}


def bare_model() -> Any:
    """The linear model as one would write it by hand."""
    return preprocessing.StandardScaler() | linear_model.LogisticRegression(optimizer=optim.SGD(0.05))


def bare_forest() -> Any:
    """The forest, the same."""
    return forest.ARFClassifier(n_models=10, seed=1)


PHISHING = Workload(NAME, spec("{continuous: true, budget: 100%}"), bare_model, endless)
