"""The models of a soak, and rows without end whose law never changes, so that the models stop growing."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from riverrun_serving.grpc_edge.messages import SERVICE, ModelInferRequest

INFER = f"/{SERVICE}/ModelInfer"
FEATURES = tuple(f"x{n}" for n in range(8))
_TRUE_WEIGHTS = (1.5, -2.0, 1.0, 0.5, -0.5, 0.25, 0.0, 0.0)

_SPEC = """
name: {name}
task: binary
learner: {learner}
model: {model}
features: {{{features}}}
label: {{type: bool}}
metrics: [ROCAUC, LogLoss]
publish: {publish}
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """One model under load."""

    name: str
    learner: str
    model: str
    publish: str

    @property
    def spec(self) -> str:
        """Its model spec."""
        features = ", ".join(f"{name}: float" for name in FEATURES)
        return _SPEC.lstrip().format(
            name=self.name, learner=self.learner, model=self.model, publish=self.publish, features=features
        )


SUBJECTS = (
    Subject(
        "linear",
        "river",
        "[preprocessing.StandardScaler, linear_model.LogisticRegression]",
        "{continuous: true}",
    ),
    # Bounded in depth: trees that may grow for two hours are larger after two hours.
    Subject(
        "forest",
        "river",
        "{forest.ARFClassifier: {n_models: 5, max_depth: 4, seed: 1}}",
        "{every_events: 10, every: 1s}",
    ),
    Subject("network", "torch", "{mlp: {hidden: [32, 16]}}", "{every: 500ms}"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """Features in the order of `FEATURES`, and their label."""

    values: tuple[float, ...]
    label: bool

    def features(self) -> dict[str, float]:
        """By name."""
        return dict(zip(FEATURES, self.values, strict=True))


def rows(seed: int) -> Iterator[Row]:
    """Rows without end."""
    rng = random.Random(seed)
    while True:
        values = tuple(round(rng.gauss(0, 1), 4) for _ in FEATURES)
        score = sum(weight * value for weight, value in zip(_TRUE_WEIGHTS, values, strict=True))
        yield Row(values, rng.random() < 1 / (1 + math.exp(-score)))


def feedback_body(event_id: str, row: Row) -> bytes:
    """The body that sends an example."""
    return json.dumps({"id": event_id, "features": row.features(), "label": row.label}).encode()


def predict_body(row: Row) -> bytes:
    """The body that asks over REST."""
    return json.dumps({"features": row.features()}).encode()


def infer_request(model: str, row: Row) -> Any:
    """What asks over gRPC."""
    request = ModelInferRequest(model_name=model)
    tensor = request.inputs.add(name="features", datatype="FP64", shape=[1, len(row.values)])
    tensor.contents.fp64_contents.extend(row.values)
    return request
