"""A declared perceptron learns what a loop written by hand learns (1e-6)."""

from __future__ import annotations

import math
import zlib
from typing import Any

import pytest
from river import datasets

torch = pytest.importorskip("torch", reason="torch is an extra")

from riverrun.core.errors import InvalidInput, InvalidSpec, NotReady  # noqa: E402
from riverrun.core.spec import parse_spec  # noqa: E402
from riverrun.learners.build import build_learner  # noqa: E402

NAMES = list(next(iter(datasets.Phishing()))[0])
FEATURES = "features: {" + ", ".join(f"{name}: float" for name in NAMES) + "}"


def by_hand(seed: int, outputs: int) -> Any:
    torch.manual_seed(seed)
    first = torch.nn.Linear(len(NAMES), 16)
    return torch.nn.Sequential(first, torch.nn.ReLU(), torch.nn.Linear(16, outputs))


@pytest.mark.parametrize(
    ("declared", "make"),
    [
        ("{SGD: {lr: 0.05}}", lambda p: torch.optim.SGD(p, lr=0.05)),
        ("{SGD: {lr: 0.02, momentum: 0.9}}", lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9)),
        ("{Adam: {lr: 0.01}}", lambda p: torch.optim.Adam(p, lr=0.01)),
        ("Adagrad", lambda p: torch.optim.Adagrad(p, lr=0.01)),
    ],
    ids=["SGD", "momentum", "Adam", "Adagrad"],
)
def test_binary_answers_are_those_of_a_loop_by_hand(declared: str, make: Any) -> None:
    spec = parse_spec(
        f"{{name: a, task: binary, learner: torch, {FEATURES}, "
        f"model: {{mlp: {{hidden: [16], standardise: false, seed: 3, optimizer: {declared}}}}}}}"
    )
    learner = build_learner(spec)
    net = by_hand(3, 1)
    optimizer = make(net.parameters())

    for x, y in datasets.Phishing().take(400):
        inputs = torch.tensor([[x[name] for name in NAMES]], dtype=torch.float32)
        with torch.no_grad():
            expected = torch.sigmoid(net(inputs)).item()
        answer = learner.predict(x)
        assert answer.probabilities is not None
        assert math.isclose(answer.probabilities[True], expected, abs_tol=1e-6)
        assert answer.value == (expected > 0.5)

        optimizer.zero_grad()
        target = torch.tensor([float(y)])
        torch.nn.functional.binary_cross_entropy_with_logits(net(inputs)[:, 0], target).backward()
        optimizer.step()
        learner.learn([x], [y], [1.0])


def test_scaling_uses_all_that_was_seen_and_each_example_counts_before_it_is_learned() -> None:
    spec = parse_spec(
        "{name: a, task: regression, learner: torch, features: {x: float, z: int}, "
        "model: {mlp: {hidden: [], batch: 3, optimizer: {SGD: {lr: 0.1}}}}}"
    )
    learner = build_learner(spec)
    torch.manual_seed(0)
    net = torch.nn.Linear(2, 1)
    rows = [{"x": 1.0 * i, "z": i * i - 7} for i in range(30)]
    del rows[4]["x"], rows[5]["z"]
    seen: list[dict[str, Any]] = []

    def scaled(row: dict[str, Any]) -> list[float]:
        values = []
        for name in ("x", "z"):
            column = [float(r[name]) for r in seen if name in r]
            mean = sum(column) / len(column)
            deviation = math.sqrt(sum((v - mean) ** 2 for v in column) / len(column))
            values.append((row[name] - mean) / deviation if name in row and deviation else 0.0)
        return values

    for start in range(0, 30, 3):
        batch = rows[start : start + 3]
        labels = [float(start + i) for i in range(3)]
        seen += batch
        loss = torch.nn.functional.mse_loss(
            net(torch.tensor([scaled(row) for row in batch]))[:, 0], torch.tensor(labels)
        )
        net.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in net.parameters():
                parameter -= 0.1 * parameter.grad
        learner.learn(batch, labels, [1.0] * 3)

        value = learner.predict(rows[0]).value
        assert value == pytest.approx(net(torch.tensor([scaled(rows[0])])).item(), abs=1e-4, rel=1e-5)


def test_categories_and_words_are_hashed_alike_in_every_process() -> None:
    from riverrun.learners.torch_features import FeatureEncoder

    spec = parse_spec(
        "{name: a, task: regression, learner: torch, model: {mlp: {}}, "
        "features: {kind: category, n: bool, note: text}}"
    )
    assert spec.features is not None
    encode = FeatureEncoder(spec.features, 100)

    numbers, places, starts = encode([{"kind": "é", "n": True, "note": "to be"}, {}, {"note": "be"}])

    assert numbers[:2, 0].tolist()[0] == 1.0
    assert math.isnan(numbers[1, 0].item())
    words = [100 + zlib.crc32(word) % 100 for word in (b"to", b"be")]
    assert places.tolist() == [zlib.crc32("é".encode()) % 100, *words, words[1]]
    assert starts.tolist() == [0, 3, 3]


def test_weights_scale_the_loss() -> None:
    text = (
        "{name: a, task: regression, learner: torch, features: {x: float}, "
        "model: {mlp: {hidden: [], standardise: false, optimizer: {SGD: {lr: LR}}}}}"
    )
    heavy = build_learner(parse_spec(text.replace("LR", "0.01")))
    fast = build_learner(parse_spec(text.replace("LR", "0.03")))

    heavy.learn([{"x": 1.0}], [2.0], [3.0])
    fast.learn([{"x": 1.0}], [2.0], [1.0])

    assert heavy.predict({"x": 1.0}).value == pytest.approx(fast.predict({"x": 1.0}).value, abs=1e-6)


def test_an_answer_that_is_no_number_is_none() -> None:
    spec = parse_spec(
        "{name: a, task: regression, learner: torch, features: {x: float}, "
        "model: {mlp: {hidden: [], standardise: false, optimizer: {SGD: {lr: 1000000000000000000.0}}}}}"
    )
    learner = build_learner(spec)

    for _ in range(3):
        try:
            learner.learn([{"x": 1e12}], [1.0], [1.0])
        except InvalidInput:
            break

    with pytest.raises(NotReady, match="not finite"):
        learner.predict({"x": 1e30})


def test_more_examples_than_a_batch_are_refused_and_fewer_are_a_flush() -> None:
    spec = parse_spec(
        "{name: a, task: regression, learner: torch, features: {x: float}, model: {mlp: {batch: 4}}}"
    )
    learner = build_learner(spec)

    assert learner.batch_size == 4
    learner.learn([{"x": 1.0}], [1.0], [1.0])
    with pytest.raises(InvalidInput, match="1 to 4"):
        learner.learn([{"x": 1.0}] * 5, [1.0] * 5, [1.0] * 5)
    with pytest.raises(InvalidInput, match="1 to 4"):
        learner.learn([], [], [])


def test_torch_computes_in_one_thread() -> None:
    build_learner(
        parse_spec("{name: a, task: binary, learner: torch, features: {x: float}, model: {mlp: {}}}")
    )

    assert torch.get_num_threads() == 1


def test_a_spec_for_torch_says_so_where_torch_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [n for n in sys.modules if n.startswith("riverrun.learners.torch_")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    spec = parse_spec("{name: a, task: binary, learner: torch, features: {x: float}, model: {mlp: {}}}")

    with pytest.raises(InvalidSpec, match="torch is not installed"):
        build_learner(spec)
