"""Every classifier and regressor of the library is built by its name, learns and is stored.

Required arguments get the simplest thing that fits. How well the models learn is River's own business.
"""

from __future__ import annotations

import copy
from io import StringIO
from typing import Any

import pytest
from river import datasets
from ruamel.yaml import YAML

from riverrun.core.catalogue import read_declaration, river_catalogue
from riverrun.core.errors import NotReady
from riverrun.core.predictions import Prediction
from riverrun.core.spec import parse_spec
from riverrun.core.units import EMPTY
from riverrun.learners.build import build_learner, build_predictor, restore_learner
from riverrun.learners.protocol import Learner, Predictor
from riverrun.learners.river_builder import build
from tests.unit.learners.declarations import declared

EXAMPLES = 80


def models(base: str) -> list[str]:
    several = {"MultiLabelClassifier", "MultiTargetRegressor"}
    return [
        name
        for name, entry in river_catalogue().classes.items()
        if base in entry.ancestors and not several & entry.ancestors and not entry.refused
    ]


def small_examples(base: str) -> list[tuple[dict[str, Any], Any]]:
    if base == "Classifier":
        return list(datasets.Phishing().take(EXAMPLES))
    # Some models diverge on large numbers, in any loop.
    return [({k: v / 1e6 for k, v in x.items()}, y / 1e2) for x, y in datasets.TrumpApproval().take(EXAMPLES)]


def answer(model: Learner | Predictor, row: dict[str, Any]) -> Prediction | str:
    try:
        return model.predict(row)
    except NotReady as not_ready:
        return not_ready.why


@pytest.mark.parametrize(
    ("base", "name"), [(base, name) for base in ("Classifier", "Regressor") for name in models(base)]
)
def test_it_learns_from_a_spec_as_in_a_plain_loop_and_is_stored_exactly(base: str, name: str) -> None:
    model = declared(name, base)
    text = {"name": "zoo", "task": "binary" if base == "Classifier" else "regression", "model": model}
    spec = parse_spec(dump(text))
    examples = small_examples(base)
    plain = build(read_declaration(spec.model, river_catalogue()))
    learner = build_learner(spec)
    state = learner.changes().then(learner.changes())
    twin = restore_learner(spec, learner.state())
    untrained = build_predictor(spec, learner.state().serving, learner.roots()[0])
    for x, _ in examples[:3]:
        assert answer(untrained, x) == answer(build_learner(spec), x)

    for x, y in examples:
        plain.learn_one(copy.deepcopy(x), y)
        learner.learn([x], [y], [1.0])
    state = state.then(learner.changes())
    for x, y in examples:
        twin.learn([x], [y], [1.0])
    twin.changes()
    predictor = build_predictor(spec, learner.state().serving, learner.roots()[0])
    restored = restore_learner(spec, learner.state())

    assert learner.state() == EMPTY.apply(state)
    # The trainer's side may hold random generators that River seeds from the system and never draws from.
    assert learner.state().serving == twin.state().serving
    for x, _ in examples[:20]:
        expected = answer(learner, x)
        assert answer(predictor, x) == expected
        assert answer(restored, x) == expected
        assert answer(twin, x) == expected
        if isinstance(expected, Prediction):
            assert expected.value == plain.predict_one(copy.deepcopy(x))


@pytest.mark.parametrize("name", [n for n, e in river_catalogue().classes.items() if not e.refused])
def test_every_class_is_built_by_its_name(name: str) -> None:
    base = "Classifier" if "Classifier" in name else "Regressor"

    made = build(read_declaration(declared(name, base), river_catalogue()))

    assert type(made).__name__ == name.rpartition(".")[2]


def dump(text: dict[str, Any]) -> str:
    out = StringIO()
    YAML(typ="safe").dump(text, out)
    return out.getvalue()
