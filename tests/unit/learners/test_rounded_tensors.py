"""Rounded tensors: matrices and tables in fewer bytes, everything of one dimension exact."""

from __future__ import annotations

import random

import msgspec
import pytest

torch = pytest.importorskip("torch", reason="torch is an extra")

from riverrun.codec.rounded_marks import is_rounded  # noqa: E402
from riverrun.codec.wire import encode_side  # noqa: E402
from riverrun.core.digest import HashTree  # noqa: E402
from riverrun.core.errors import InvalidInput  # noqa: E402
from riverrun.core.spec import ModelSpec, parse_spec  # noqa: E402
from riverrun.learners.build import build_learner, build_predictor, live_model, restore_learner  # noqa: E402
from riverrun.learners.protocol import Learner  # noqa: E402
from riverrun.learners.rounding_learner import exact_state  # noqa: E402
from riverrun.learners.tensor_units import Spans, read  # noqa: E402

MODELS = {
    "mlp": "{mlp: {hidden: [30, 20], optimizer: Adam, buckets: 50}}",
    "table": "{factorization: {dim: 16, buckets: 1000}}",
}
BOUND = {"bf16": 1 / 256, "int8": 1 / 250}


def spec_of(model: str, precision: str) -> ModelSpec:
    return parse_spec(
        f"{{name: m, task: binary, learner: torch, model: {MODELS[model]}, features: {{a: category, "
        f"b: category, c: float}}, metrics: [LogLoss], publish: {{precision: {precision}}}}}"
    )


def learn(learner: Learner, seed: int, count: int) -> None:
    source = random.Random(seed)
    for _ in range(count):
        row = {"a": f"a{source.randrange(300)}", "b": f"b{source.randrange(300)}", "c": source.random()}
        learner.learn([row], [source.random() < 0.5], [1.0])


ROW = {"a": "a1", "b": "b2", "c": 0.5}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("precision", BOUND)
def test_readers_follow_and_the_trainer_goes_on_from_exact_tensors(model: str, precision: str) -> None:
    spec = spec_of(model, precision)
    rounding, exact = build_learner(spec), build_learner(spec_of(model, "exact"))
    rounding.changes()
    exact.changes()
    predictor = build_predictor(spec, rounding.state().serving, rounding.roots()[0])
    sent = {"rounded": 0, "exact": 0}

    for seed in range(4):
        learn(rounding, seed, 20)
        learn(exact, seed, 20)
        delta = rounding.changes()
        sent["rounded"] += len(encode_side(delta.serving))
        sent["exact"] += len(encode_side(exact.changes().serving))
        assert exact_state(rounding.state()) == exact.state()
        predictor = predictor.updated(delta.serving, rounding.roots()[0])
        whole = build_predictor(spec, rounding.state().serving, rounding.roots()[0])
        assert predictor.predict(ROW) == whole.predict(ROW)
        told, meant = predictor.predict(ROW).probabilities, exact.predict(ROW).probabilities
        assert told is not None
        assert meant is not None
        assert told[True] == pytest.approx(meant[True], abs=5e-3)

    assert sent["rounded"] < 0.7 * sent["exact"]
    restored = restore_learner(spec, rounding.state())
    assert restored.roots() == rounding.roots()
    learn(restored, 9, 10)
    learn(exact, 9, 10)
    restored.changes()
    exact.changes()
    assert exact_state(restored.state()) == exact.state()


@pytest.mark.parametrize("precision", BOUND)
def test_each_element_is_off_by_no_more_than_is_stated(precision: str) -> None:
    spec = spec_of("mlp", precision)
    learner = build_learner(spec)
    learn(learner, 1, 50)
    learner.changes()
    state = learner.state()

    exact = live_model(spec, state, learner.roots()).module.state_dict()
    told = read(Spans(state.serving), state.serving, {tuple(tensor.shape) for tensor in exact.values()})

    changed = 0
    for name, tensor in exact.items():
        read_back = told[f"module.{name}"]
        if tensor.dim() < 2:
            assert torch.equal(read_back, tensor)
            continue
        changed += not torch.equal(read_back, tensor)
        scale = tensor.abs() if precision == "bf16" else tensor.abs().max()
        # And what rounding to 32 bits takes.
        assert ((read_back - tensor).abs() <= scale * (BOUND[precision] + 2**-23)).all()
    assert changed


def test_a_malformed_rounded_block_is_refused() -> None:
    spec = spec_of("mlp", "int8")
    learner = build_learner(spec)
    learner.changes()
    units = dict(learner.state().serving)
    number = next(n for n, unit in units.items() if is_rounded(unit))
    _, form, data = msgspec.msgpack.decode(units[number])

    header = msgspec.msgpack.decode(units[number - 2])
    halved = {**units, number - 2: msgspec.msgpack.encode([header[0], "f2", *header[2:]])}
    with pytest.raises(InvalidInput):
        read(Spans(halved), halved, {tuple(header[2])})
    for node in ([41, form, data[:-1]], [41, 9, data], [41, form], [41, form, "text"], [41, 1 << 60, data]):
        broken = {**units, number: msgspec.msgpack.encode(node)}
        with pytest.raises(InvalidInput):
            build_predictor(spec, broken, HashTree(broken).root)
