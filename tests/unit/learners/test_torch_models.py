"""What the declared torch models compute, beside the same written out by hand."""

from __future__ import annotations

import random
import zlib
from itertools import combinations
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is an extra")

from riverrun.core.errors import InvalidSpec  # noqa: E402
from riverrun.core.spec import parse_spec  # noqa: E402
from riverrun.learners.build import build_learner  # noqa: E402
from riverrun.learners.factories import Factories  # noqa: E402
from riverrun.learners.torch_learner import TorchLearner  # noqa: E402
from riverrun.learners.torch_model import TorchModel  # noqa: E402


def learner_of(model: str, features: str, task: str = "regression") -> TorchLearner:
    learner = build_learner(
        parse_spec(f"{{name: m, task: {task}, learner: torch, features: {{{features}}}, model: {{{model}}}}}")
    )
    assert isinstance(learner, TorchLearner)
    return learner


def rows(count: int) -> list[dict[str, Any]]:
    chance = random.Random(4)
    return [
        {
            "a": chance.gauss(0, 1),
            "b": chance.random() < 0.5,
            "kind": f"k{chance.randrange(5)}",
            "words": " ".join(chance.sample(["to", "be", "or", "not"], chance.randrange(4))),
        }
        for _ in range(count)
    ]


FEATURES = "a: float, b: bool, kind: category, words: text"


def test_a_factorisation_machine_adds_what_every_pair_of_features_says() -> None:
    learner = learner_of("factorization: {dim: 3, buckets: 97, standardise: false}", FEATURES)
    module: Any = learner.model.module
    with torch.no_grad():
        module.bias.fill_(0.7)
        module.numbers.copy_(torch.randn(module.numbers.shape))
        module.buckets.weight.copy_(torch.randn(module.buckets.weight.shape))

    for row in rows(20):
        active = [(module.numbers[0], row["a"]), (module.numbers[1], float(row["b"]))]
        names = [f"kind={row['kind']}", *(f"words={word}" for word in row["words"].split())]
        active += [(module.buckets.weight[zlib.crc32(name.encode()) % 97], 1.0) for name in names]
        expected = module.bias.item() + sum(vector[0].item() * x for vector, x in active)
        expected += sum((v[1:] @ w[1:]).item() * x * z for (v, x), (w, z) in combinations(active, 2))
        assert learner.predict(row).value == pytest.approx(expected, abs=1e-4)


def test_two_towers_multiply_what_each_makes_of_its_own_features() -> None:
    towers = "two_tower: {user: {features: [kind, a], buckets: 50}, item: {features: [words], hidden: [6], "
    learner = learner_of(
        towers + "buckets: 70}, dim: 3, standardise: false}", "a: float, kind: category, words: text"
    )
    module: Any = learner.model.module

    for row in rows(20):
        user = module.user.buckets.weight[zlib.crc32(row["kind"].encode()) % 50]
        user = user + module.user.numbers(torch.tensor([row["a"]]))
        places = [zlib.crc32(word.encode()) % 70 for word in row["words"].split()]
        item = module.item.layers[0](torch.relu(module.item.buckets.weight[places].sum(0)))
        assert learner.predict({k: row[k] for k in ("a", "kind", "words")}).value == pytest.approx(
            (user @ item + module.bias).item(), abs=1e-5
        )


@pytest.mark.parametrize(
    ("declared", "make"),
    [
        ("{SGD: {lr: 0.1}}", lambda p: torch.optim.SGD(p, lr=0.1)),
        ("{Adagrad: {lr: 0.1}}", lambda p: torch.optim.Adagrad(p, lr=0.1)),
        ("{Adam: {lr: 0.01}}", lambda p: torch.optim.Adam(p, lr=0.01)),
        (
            "{SGD: {momentum: 0.5, weight_decay: 0.01}}",
            lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.5, weight_decay=0.01),
        ),
    ],
    ids=["SGD", "Adagrad", "Adam", "momentum"],
)
def test_rows_of_a_perceptron_move_as_a_dense_table_in_a_loop_by_hand_moves(declared: str, make: Any) -> None:
    model = f"mlp: {{hidden: [4], buckets: 30, optimizer: {declared}, standardise: false, seed: 5}}"
    learner = learner_of(model, "kind: category, words: text")
    module: Any = learner.model.module
    table = torch.nn.EmbeddingBag(60, 4, mode="sum", _weight=module.buckets.weight.detach().clone())
    torch.manual_seed(5)
    last = torch.nn.Linear(4, 1)
    optimizer = make([*table.parameters(), *last.parameters()])

    def by_hand(row: dict[str, Any]) -> Any:
        words = [30 + zlib.crc32(word.encode()) % 30 for word in row["words"].split()]
        places = [zlib.crc32(row["kind"].encode()) % 30, *words]
        return last(torch.relu(table(torch.tensor([places]))))[0, 0]

    for row in rows(200):
        row = {name: row[name] for name in ("kind", "words")}
        label = float(len(row["words"]))
        assert learner.predict(row).value == pytest.approx(by_hand(row).item(), abs=1e-5, rel=1e-5)
        optimizer.zero_grad()
        (by_hand(row) - label).pow(2).backward()
        optimizer.step()
        learner.learn([row], [label], [1.0])


@pytest.mark.parametrize(
    "model",
    [
        "factorization: {dim: 4, buckets: 4000, batch: 16, optimizer: {Adagrad: {lr: 0.5}}}",
        "factorization: {dim: 4, buckets: 4000, batch: 16, optimizer: {SparseAdam: {lr: 0.05}}}",
        "two_tower: {user: {features: [user], buckets: 500}, item: {features: [item], buckets: 500}, "
        "dim: 4, batch: 16, optimizer: {Adagrad: {lr: 0.5}}}",
    ],
    ids=["factorisation", "factorisation by SparseAdam", "two towers"],
)
def test_they_learn_what_no_sum_over_single_features_can_say(model: str) -> None:
    learner = learner_of(model, "user: category, item: category", task="binary")
    chance = random.Random(1)

    def example() -> tuple[dict[str, Any], bool]:
        user, item = chance.randrange(20), chance.randrange(20)
        return {"user": f"u{user}", "item": f"i{item}"}, (user % 2) == (item % 2)

    for _ in range(150):
        batch = [example() for _ in range(16)]
        learner.learn([row for row, _ in batch], [label for _, label in batch], [1.0] * 16)

    judged = [example() for _ in range(200)]
    assert sum(learner.predict(row).value == label for row, label in judged) > 180


def no_state() -> TorchModel:
    """A module whose state is made anew whenever it is asked for."""

    class Made(torch.nn.Linear):
        def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
            destination[prefix + "weight"] = self.weight * 1

    module = Made(1, 1)
    return TorchModel(module, torch.optim.SGD(module.parameters()), lambda rows: (torch.zeros(len(rows), 1),))


def transposed() -> TorchModel:
    """A module whose weights lie in memory in another order."""
    module = torch.nn.Linear(3, 2)
    module.weight = torch.nn.Parameter(torch.randn(3, 2, generator=torch.Generator().manual_seed(1)).t())
    last = torch.nn.Sequential(module, torch.nn.Linear(2, 1))
    return TorchModel(last, torch.optim.SGD(last.parameters()), lambda rows: (torch.ones(len(rows), 3),))


FACTORIES = Factories.parse(f"{__name__}:no_state, {__name__}:transposed")


def test_state_that_cannot_be_written_in_place_is_refused_by_name() -> None:
    spec = parse_spec(f"{{name: m, task: regression, learner: torch, factory: '{__name__}:no_state'}}")

    with pytest.raises(InvalidSpec, match="weight"):
        build_learner(spec, factories=FACTORIES).changes()


def test_weights_that_lie_in_another_order_are_learned_and_followed() -> None:
    from riverrun.learners.build import build_predictor

    spec = parse_spec(f"{{name: m, task: regression, learner: torch, factory: '{__name__}:transposed'}}")
    learner = build_learner(spec, factories=FACTORIES)
    learner.changes()
    reader = build_predictor(spec, learner.state().serving, learner.roots()[0], factories=FACTORIES)

    for _ in range(3):
        learner.learn([{}], [1.0], [1.0])
        reader = reader.updated(learner.changes().serving, learner.roots()[0])
        assert reader.predict({}) == learner.predict({})
