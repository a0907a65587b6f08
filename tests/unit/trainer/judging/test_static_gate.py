"""D2: whatever explodes is out of bounds before it is pushed, and a clean drift is not."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from riverrun_trainer.judging.static_gate import StaticGate

from riverrun.core.events import Example, LoggedEvent, Stream
from riverrun.core.joining import JoinedExample
from riverrun.core.spec import ModelSpec, parse_spec
from riverrun.learners.build import build_learner
from riverrun.learners.protocol import Learner
from riverrun.learners.weight_norms import WeightNorms

FEATURES = "abcdefgh"
EVENT = LoggedEvent(0, "", 0, 0, b"")


def spec(bounds: str, task: str = "regression") -> ModelSpec:
    model = {"regression": "linear_model.LinearRegression", "binary": "linear_model.LogisticRegression"}[task]
    return parse_spec(f"{{name: toy, task: {task}, model: [{model}], gate: {{bounds: {bounds}}}}}")


class Line:
    """A learner with its static gate, a version each ten examples."""

    def __init__(self, of: ModelSpec) -> None:
        self.spec = of
        self.learner: Learner = build_learner(of)
        self.gate = StaticGate(of, {})
        self.weights = [0.5, -0.3, 0.2, 0.1, -0.1, 0.4, -0.2, 0.3]

    def clean(self, rng: random.Random, drift: float = 0.0) -> tuple[dict[str, float], float | bool]:
        row = {name: rng.gauss(0, 1) for name in FEATURES}
        value = sum(w * row[name] for w, name in zip(self.weights, FEATURES, strict=True)) + drift
        if self.spec.task == "binary":
            return row, value + rng.gauss(0, 0.3) > 0
        return row, value + rng.gauss(0, 0.1)

    def learn(self, row: dict[str, float], label: float | bool) -> None:
        joined = JoinedExample(Example(row, label), EVENT, Stream.EXAMPLES, 0)
        self.gate.score(joined, None)
        self.learner.learn([row], [label], [1.0])

    def version(self, rng: random.Random, drift: float = 0.0) -> str:
        for _ in range(10):
            self.learn(*self.clean(rng, drift))
        return self.gate.refusal(self.learner.changes().serving, self.learner.predict)


def grown(of: ModelSpec, seed: int, versions: int = 30) -> tuple[Line, random.Random]:
    line, rng = Line(of), random.Random(seed)
    for _ in range(versions):
        assert line.version(rng) == ""
    return line, rng


BOUNDS = "{norm: 100, step: 0.5, probes: {rows: 8, change: 80%}}"


def put(model: Any, weights: Mapping[str, float]) -> None:
    for name, value in weights.items():
        model._weights[name] = value


def attacks() -> Iterator[tuple[str, float]]:
    for power in range(3, 301, 11):
        yield "label", 10.0**power
        yield "feature", 10.0 ** min(power, 150)
    yield from (("sign", 0.0), ("weights", 1e3), ("weights", 1e30), ("drift", 0.0))


@pytest.mark.parametrize("seed", range(10))
def test_every_update_that_explodes_is_blocked(seed: int) -> None:
    blocked = 0
    for kind, scale in attacks():
        line, rng = grown(spec(BOUNDS), seed, versions=10)
        row, label = line.clean(rng)
        model = line.learner.model
        match kind:
            case "label":
                line.learn(row, label * scale)
            case "feature":
                line.learn({name: value * scale for name, value in row.items()}, label)
            case "weights":
                put(model, {name: value * scale for name, value in model.weights.items()})
                line.learn(row, label)
            case "sign":
                put(model, {name: -value for name, value in model.weights.items()})
                line.learn(row, label)
            case "drift":
                for step in range(400):
                    line.learn(row, 2.0 * step)
        reason = line.gate.refusal(line.learner.changes().serving, line.learner.predict)
        assert reason, (kind, scale)
        blocked += 1

    assert blocked >= 50


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_clean_drift_is_not_blocked(task: str) -> None:
    blocked = versions = 0
    for seed in range(10):
        line, rng = Line(spec(BOUNDS, task)), random.Random(seed)
        for number in range(200):
            blocked += bool(line.version(rng, drift=number / 100))
            versions += 1

    assert blocked <= versions * 0.001


def test_the_usual_bounds_stop_what_an_absurd_label_makes_of_the_weights() -> None:
    line, rng = grown(spec("{}"), 1)

    row, _ = line.clean(rng)
    line.learn(row, 1e300)

    reason = line.gate.refusal(line.learner.changes().serving, line.learner.predict)
    assert reason.startswith("the weights moved by ")


def test_what_was_refused_is_not_what_the_next_version_is_compared_with() -> None:
    line, rng = grown(spec("{norm: 100}"), 1)
    model = line.learner.model
    kept, intercept = dict(model.weights), model.intercept
    put(model, dict.fromkeys(kept, 1e6))
    line.learn(*line.clean(rng))
    assert line.gate.refusal(line.learner.changes().serving, line.learner.predict)

    put(model, kept)
    model.intercept = intercept
    line.learn(*line.clean(rng))

    assert line.gate.refusal(line.learner.changes().serving, line.learner.predict) == ""


TORCH = """name: toy
task: regression
learner: torch
features: {a: float, b: float}
model: {mlp: {hidden: [4]}}
"""


def test_the_norm_of_a_torch_model_is_that_of_its_parameters() -> None:
    learner = build_learner(parse_spec(TORCH))
    norms = WeightNorms()
    rng = random.Random(1)
    for _ in range(20):
        learner.learn([{"a": rng.gauss(0, 1), "b": rng.gauss(0, 1)}], [rng.gauss(0, 1)], [1.0])
        moved = norms.change(learner.changes().serving)
        norms.accept()

    squares = sum(float((p.detach() ** 2).sum()) for p in learner.model.module.parameters())
    assert moved.norm == pytest.approx(math.sqrt(squares))
    assert 0 < moved.step < 1


def test_a_large_table_is_followed_row_by_row() -> None:
    learner = build_learner(
        parse_spec(
            "{name: toy, task: binary, model: [preprocessing.OneHotEncoder, linear_model.LogisticRegression]}"
        )
    )
    norms, rng = WeightNorms(), random.Random(1)
    for _ in range(500):
        learner.learn([{"c": f"v{rng.randrange(300)}"}], [rng.random() < 0.5], [1.0])
        moved = norms.change(learner.changes().serving)
        norms.accept()

    weights = learner.model["LogisticRegression"].weights
    assert len(weights) > 200
    assert moved.norm == pytest.approx(math.sqrt(sum(value**2 for value in weights.values())))
    restored = WeightNorms(learner.state().serving)
    assert restored.change(learner.changes().serving).norm == pytest.approx(moved.norm)
