"""What is learned and asked in every benchmark: River's Phishing rows, and scaled logistic regression."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from river import datasets

Row = tuple[dict[str, float], bool]

NAME = "phishing"

SPEC = """
name: phishing
task: binary
model:
  - preprocessing.StandardScaler
  - linear_model.LogisticRegression: {optimizer: {optim.SGD: {lr: 0.05}}}
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


def spec(publish: str) -> str:
    """The model spec, with `publish` as YAML in flow style."""
    features = "\n".join(f"  {name}: float" for name in rows()[0][0])
    return SPEC.lstrip() % {"features": features, "publish": publish}
