"""Users' own objects become states of a spec, and states users' own objects; what does not fit is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from river import compose, ensemble, linear_model, naive_bayes, optim, preprocessing, tree
from torch import nn

from riverrun.core.errors import DigestMismatch, InvalidInput
from riverrun.core.spec import parse_spec
from riverrun.core.spec.model_spec import ModelSpec
from riverrun.core.units import EMPTY
from riverrun.learners.build import adopt_model, build_learner, build_predictor, live_model
from riverrun.learners.likeness import check_likeness
from tests.contract.factory_models import FACTORIES, own_river, own_torch
from tests.unit.codec.river_zoo import Case, estimator_cases

RIVER = parse_spec("""
name: m
task: binary
model:
  - union:
      - [{compose.Select: [a]}, preprocessing.StandardScaler]
      - [{compose.Select: [b]}, preprocessing.MinMaxScaler]
  - linear_model.LogisticRegression: {optimizer: {optim.SGD: {lr: 0.05}}}
features: {a: float, b: float}
""")
TORCH = parse_spec("""
name: m
task: binary
learner: torch
model: {mlp: {hidden: [8], optimizer: {Adam: {lr: 0.01}}}}
features: {a: float, b: float}
""")


def by_hand(*, lr: float = 0.05, last: Any = None) -> Any:
    scaled = compose.Select("a") | preprocessing.StandardScaler()
    scaled += compose.Select("b") | preprocessing.MinMaxScaler()
    return scaled | (last or linear_model.LogisticRegression(optim.SGD(lr)))


def rows(count: int, start: int = 0) -> list[tuple[dict[str, float], bool]]:
    return [({"a": (n * 7 % 11) / 3, "b": float(n % 5)}, n * 7 % 11 > n % 5) for n in range(start, count)]


def saved(spec: ModelSpec, model: Any, **options: Any) -> tuple[Any, Any]:
    """What is stored of `model`: the state and its roots."""
    learner = adopt_model(spec, model, **options)
    return EMPTY.apply(learner.changes()), learner.roots()


def test_a_pipeline_made_by_hand_is_served_and_loaded_as_it_is() -> None:
    model = by_hand()
    for x, y in rows(200):
        model.learn_one(x, y)

    state, roots = saved(RIVER, model)
    served = build_predictor(RIVER, state.serving, roots[0])
    loaded = live_model(RIVER, state, roots)

    for x, _ in rows(20):
        assert served.predict(x).probabilities == loaded.predict_proba_one(x) == model.predict_proba_one(x)
    for x, y in rows(300, start=200):
        model.learn_one(x, y)
        loaded.learn_one(x, y)
        assert loaded.predict_proba_one(x) == model.predict_proba_one(x)


@pytest.mark.parametrize(
    ("model", "path", "words"),
    [
        (by_hand(lr=0.1), "model.LogisticRegression.optimizer.lr.learning_rate", "expected 0.05"),
        (by_hand(last=naive_bayes.GaussianNB()), "model.LogisticRegression", "naive_bayes"),
        (linear_model.LogisticRegression(), "model", "expected compose.pipeline.Pipeline"),
        (by_hand() | preprocessing.StandardScaler(), "model", "expected 2 parts"),
        (
            (compose.Select("a") + compose.Select("b")) | linear_model.LogisticRegression(optim.SGD(0.05)),
            "model.TransformerUnion.Pipeline",
            "found compose.select.Select",
        ),
        ("no model at all", "model", "found 'no model at all'"),
    ],
)
def test_the_first_place_that_differs_is_named(model: Any, path: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        adopt_model(RIVER, model)

    assert refused.value.field == path


def test_keys_of_arguments_are_compared() -> None:
    with pytest.raises(InvalidInput) as refused:
        check_likeness(compose.Select("a"), compose.Select("b"))
    assert refused.value.field == "model.keys"
    with pytest.raises(InvalidInput) as refused:
        check_likeness(compose.Renamer({"a": "c"}), compose.Renamer({"b": "c"}))
    assert refused.value.field == "model.mapping"
    first, second = naive_bayes.GaussianNB(), tree.LASTClassifier()
    with pytest.raises(InvalidInput) as refused:
        check_likeness(
            ensemble.VotingClassifier([first, second]), ensemble.VotingClassifier([first, first.clone()])
        )
    assert refused.value.field == "model.models.1"


@pytest.mark.parametrize("case", estimator_cases(), ids=str)
def test_learning_changes_nothing_that_is_compared(case: Case) -> None:
    model = case.make()
    for step in case.steps(40):
        case.learn(model, step)

    check_likeness(model, case.make())


def test_a_module_is_served_and_loaded_with_its_optimizer() -> None:
    learner = build_learner(TORCH)
    for x, y in rows(60):
        learner.learn([x], [y], [1.0])
    learner.changes()
    mine = live_model(TORCH, learner.state(), learner.roots())

    state, roots = saved(TORCH, mine)
    again = live_model(TORCH, state, roots)
    served = build_predictor(TORCH, state.serving, roots[0])

    row = rows(1)[0][0]
    with torch.inference_mode():
        told = torch.sigmoid(mine.module(*mine.encode([row])).double()).item()
        assert torch.sigmoid(again.module(*again.encode([row])).double()).item() == told
    assert served.predict(row).probabilities == learner.predict(row).probabilities
    assert str(again.optimizer.state_dict()) == str(learner.model.optimizer.state_dict())  # type: ignore[attr-defined]


def test_a_module_alone_begins_with_a_fresh_optimizer() -> None:
    trained = own_torch()
    trained.module(torch.ones(3, 2)).sum().backward()
    trained.optimizer.step()
    spec = parse_spec(
        "name: m\ntask: regression\nlearner: torch\nfactory: tests.contract.factory_models:own_torch\n"
        "features: {a: float, b: float}\n"
    )

    state, roots = saved(spec, trained.module, factories=FACTORIES)
    loaded = live_model(spec, state, roots, factories=FACTORIES)

    for name, tensor in trained.module.state_dict().items():
        assert torch.equal(loaded.module.state_dict()[name], tensor)
    assert not loaded.optimizer.state


def test_the_first_part_of_a_module_that_differs_is_named() -> None:
    spec = parse_spec(
        "name: m\ntask: regression\nlearner: torch\nfactory: tests.contract.factory_models:own_torch\n"
        "features: {a: float, b: float}\n"
    )
    other = own_torch()
    other.module[3] = nn.Dropout(0.5)  # type: ignore[index,operator]
    with pytest.raises(InvalidInput, match=r"p=0\.2.*found p=0\.5") as refused:
        adopt_model(spec, other, factories=FACTORIES)
    assert refused.value.field == "model.3"

    other = own_torch()
    other.optimizer.param_groups[0]["lr"] = 1.0
    with pytest.raises(InvalidInput, match=r"expected 0\.05") as refused:
        adopt_model(spec, other, factories=FACTORIES)
    assert refused.value.field == "optimizer.lr"

    tanh = parse_spec(
        "name: m\ntask: binary\nlearner: torch\nmodel: {mlp: {hidden: [8], activation: tanh, "
        "optimizer: {Adam: {lr: 0.01}}}}\nfeatures: {a: float, b: float}\n"
    )
    with pytest.raises(InvalidInput) as refused:
        adopt_model(TORCH, build_learner(tanh).model)  # type: ignore[attr-defined]
    assert refused.value.field == "model._activation"


def test_a_factory_of_the_users_own_is_compared_too() -> None:
    spec = parse_spec(
        "name: m\ntask: regression\nfactory: tests.contract.factory_models:own_river\n"
        "features: {a: float, b: float}\n"
    )
    model = own_river()
    model.learn_one({"a": 1.0}, 2.0)

    state, roots = saved(spec, model, factories=FACTORIES)
    assert live_model(spec, state, roots, factories=FACTORIES).predict_one({"a": 1.0}) == model.predict_one(
        {"a": 1.0}
    )
    model["Shrunk"].share = 0.9
    with pytest.raises(InvalidInput, match=r"expected 0\.1") as refused:
        adopt_model(spec, model, factories=FACTORIES)
    assert refused.value.field == "model.Shrunk.share"


def test_a_state_of_other_roots_is_not_loaded() -> None:
    state, roots = saved(RIVER, by_hand())

    with pytest.raises(DigestMismatch):
        live_model(RIVER, state, (roots[0], bytes(32)))
