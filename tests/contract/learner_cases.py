"""Learners that keep one contract: how each is declared, and the rows that it learns."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from riverrun.core.predictions import Features, Label
from riverrun.core.spec import ModelSpec, parse_spec
from riverrun.learners.build import build_learner
from riverrun.learners.protocol import Learner
from tests.contract.factory_models import FACTORIES

FEATURES = "features: {a: float, b: float, flag: bool, kind: category, words: text}"


@dataclass(frozen=True)
class Case:
    """A spec, the labels it learns, and rows and labels that it cannot learn from."""

    text: str
    labels: tuple[Label, ...]
    refused: list[tuple[Features, Label]] = field(default_factory=list)
    keeps_rows_of_any_shape: bool = True

    @property
    def spec(self) -> ModelSpec:
        return parse_spec(self.text)


TEXT_ROW: Features = {"b": 1.0, "a": "not a number"}

SCALED = "preprocessing.StandardScaler"
NUMBERS = "compose.SelectType: [float]"

CASES = {
    "river binary": Case(
        f"""
name: binary
task: binary
model:
  - union:
      - [{{{NUMBERS}}}, {SCALED}]
      - [{{compose.SelectType: [str]}}, preprocessing.OneHotEncoder]
  - linear_model.LogisticRegression
metrics: [ROCAUC, LogLoss]
""",
        (False, True),
    ),
    "river multiclass": Case(
        f"""
name: multiclass
task: multiclass
model: [{{{NUMBERS}}}, {SCALED}, {{tree.HoeffdingTreeClassifier: {{grace_period: 20}}}}]
metrics: [MacroF1, Accuracy]
""",
        ("red", "green", "blue"),
    ),
    "river regression": Case(
        f"""
name: regression
task: regression
model: [{SCALED}, linear_model.LinearRegression]
metrics: [MAE]
""",
        (0.5, 1.5, -2.0),
        [(TEXT_ROW, 1.0)],
        keeps_rows_of_any_shape=False,
    ),
    "torch binary": Case(
        f"""
name: binary
task: binary
learner: torch
{FEATURES}
model: {{mlp: {{hidden: [8], optimizer: {{SGD: {{lr: 0.05}}}}}}}}
metrics: [ROCAUC]
""",
        (False, True),
        [(TEXT_ROW, True), ({"kind": 3}, True), ({"a": 1e300, "b": -1e300}, "true"), ({"a": 1.0}, 2)],
    ),
    "torch multiclass in batches": Case(
        f"""
name: multiclass
task: multiclass
learner: torch
{FEATURES}
model:
  mlp: {{hidden: [8, 4], optimizer: {{Adam: {{lr: 0.01}}}}, batch: 4, classes: [red, green, blue]}}
metrics: [Accuracy]
""",
        ("red", "green", "blue"),
        [(TEXT_ROW, "red"), ({"a": 1.0}, "black")],
    ),
    "torch regression, not scaled": Case(
        f"""
name: regression
task: regression
learner: torch
{FEATURES}
model: {{mlp: {{hidden: [], standardise: false, optimizer: {{Adagrad: {{lr: 0.1}}}}}}}}
metrics: [RMSE]
""",
        (0.5, 1.5, -2.0),
        [(TEXT_ROW, 1.0), ({"a": 1e300, "b": 1.0}, 1.0)],
    ),
    "torch factorization": Case(
        f"""
name: factorization
task: binary
learner: torch
{FEATURES}
model: {{factorization: {{dim: 5, buckets: 1003, optimizer: {{Adagrad: {{lr: 0.1}}}}}}}}
metrics: [LogLoss]
""",
        (False, True),
        [(TEXT_ROW, True), ({"kind": 3}, True)],
    ),
    "torch factorization, sparse adam": Case(
        f"""
name: factorization
task: regression
learner: torch
{FEATURES}
model: {{factorization: {{dim: 16, buckets: 500, optimizer: {{SparseAdam: {{lr: 0.02}}}}, batch: 4}}}}
metrics: [MAE]
""",
        (0.5, 1.5, -2.0),
        [(TEXT_ROW, 1.0)],
    ),
    "torch two towers": Case(
        f"""
name: towers
task: binary
learner: torch
{FEATURES}
model:
  two_tower:
    user: {{features: [kind, a], buckets: 100}}
    item: {{features: [words, b, flag], hidden: [8], buckets: 300}}
    dim: 4
    optimizer: {{SGD: {{lr: 0.05}}}}
metrics: [LogLoss]
""",
        (False, True),
        [(TEXT_ROW, True), ({"words": True}, True)],
    ),
    "a torch factory with sparse embeddings and two optimizers": Case(
        """
name: own
task: binary
learner: torch
factory: tests.contract.factory_models:own_sparse_torch
metrics: [LogLoss]
""",
        (False, True),
        [({"a": 13.0}, True)],
    ),
    "a river factory with types and functions of its own": Case(
        "{name: own, task: regression, factory: 'tests.contract.factory_models:own_river', metrics: [MAE]}",
        (0.5, 1.5, -2.0),
        [({"a": 13.0, "b": 1.0}, 1.0)],
        keeps_rows_of_any_shape=False,
    ),
    "a torch factory with dropout and momentum": Case(
        """
name: own
task: binary
learner: torch
factory: tests.contract.factory_models:own_torch
metrics: [LogLoss]
""",
        (False, True),
        [({"a": 13.0}, True)],
    ),
}


def rows_of(case: Case, count: int, seed: int = 5) -> list[tuple[dict[str, Any], Label]]:
    """Rows with a label that follows from them; where the case allows, some lack features."""
    print(f"seed {seed}")
    rng = random.Random(seed)
    rows = []
    for _ in range(count):
        place = rng.randrange(len(case.labels))
        row: dict[str, Any] = {"a": rng.gauss(place, 0.5), "b": rng.random()}
        if case.keeps_rows_of_any_shape:
            row |= {
                "flag": rng.random() < 0.5,
                "kind": f"k{place + rng.randrange(2)}",
                "words": "to be or not",
            }
            for name in rng.sample(sorted(row), rng.randrange(3)):
                del row[name]
        rows.append((row, case.labels[place]))
    return rows


def fresh(case: Case) -> Learner:
    return build_learner(case.spec, factories=FACTORIES)


def teach(learner: Learner, examples: list[tuple[dict[str, Any], Label]]) -> None:
    size = learner.batch_size
    for start in range(0, len(examples) - size + 1, size):
        batch = examples[start : start + size]
        for row, label in batch:
            learner.score(row, label, learner.predict(row))
        learner.learn([row for row, _ in batch], [label for _, label in batch], [1.0] * size)
