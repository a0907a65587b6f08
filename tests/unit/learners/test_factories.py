"""Users' own code is imported only where a process was told its name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from riverrun.core.errors import InvalidInput, InvalidSpec
from riverrun.core.spec import parse_spec
from riverrun.learners.build import build_learner, build_predictor, restore_learner
from riverrun.learners.factories import NO_FACTORIES, Factories


def spec_of(factory: str, more: str = "") -> str:
    return f"{{name: own, task: regression, factory: '{factory}'{more}}}"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = "users_model"
    (tmp_path / f"{name}.py").write_text(
        """
from river import base, linear_model


class Own(base.Regressor):
    def __init__(self):
        self.helper = linear_model.LinearRegression()

    def learn_one(self, x, y):
        self.helper.learn_one(x, y)

    def predict_one(self, x):
        return self.helper.predict_one(x)


def make():
    return Own()


def none():
    return None


def foreign():
    import fractions

    made = Own()
    made.helper = fractions.Fraction(1, 3)
    return made


not_callable = 3
"""
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


def test_a_factory_that_is_not_named_is_never_imported(module: str) -> None:
    spec = parse_spec(spec_of(f"{module}:make"))

    for factories in (NO_FACTORIES, Factories.parse(f"{module}:none, os:system")):
        with pytest.raises(InvalidSpec, match="RIVERRUN_FACTORIES"):
            build_learner(spec, factories=factories)
        with pytest.raises(InvalidSpec, match="RIVERRUN_FACTORIES"):
            build_predictor(spec, {}, bytes(32), factories=factories)

    assert module not in sys.modules


def test_a_named_factory_builds_the_model_and_its_own_types_are_stored(module: str) -> None:
    factories = Factories.parse(f" {module}:make ,, x.y:z ")
    spec = parse_spec(spec_of(f"{module}:make"))
    learner = build_learner(spec, factories=factories)

    learner.learn([{"x": 1.0}], [2.0], [1.0])
    learner.changes()

    restored = restore_learner(spec, learner.state(), factories=factories)
    assert restored.predict({"x": 1.0}) == learner.predict({"x": 1.0})


def test_a_state_of_another_specs_types_is_refused(module: str) -> None:
    factories = Factories.parse(f"{module}:make")
    learner = build_learner(parse_spec(spec_of(f"{module}:make")), factories=factories)
    learner.changes()
    plain = parse_spec("{name: own, task: regression, model: linear_model.LinearRegression}")

    with pytest.raises(InvalidInput):
        build_predictor(plain, learner.state().serving, learner.roots()[0], factories=factories)


@pytest.mark.parametrize(
    ("factory", "expected"),
    [
        ("users_model:none", "no learn_one"),
        ("users_model:missing", "no callable missing"),
        ("users_model:not_callable", "no callable not_callable"),
        ("no_such_module:make", "cannot import no_such_module"),
    ],
)
def test_a_factory_that_makes_no_model_is_refused(module: str, factory: str, expected: str) -> None:
    with pytest.raises(InvalidSpec, match=expected) as refused:
        build_learner(parse_spec(spec_of(factory)), factories=Factories.parse(factory))

    assert refused.value.field == "factory"


def test_types_from_elsewhere_are_refused_with_the_path_to_them(module: str) -> None:
    name = f"{module}:foreign"
    learner = build_learner(parse_spec(spec_of(name)), factories=Factories.parse(name))

    with pytest.raises(InvalidInput, match=r"model\.helper"):
        learner.changes()


def test_a_torch_factory_has_to_make_a_torch_model(module: str) -> None:
    pytest.importorskip("torch", reason="torch is an extra")
    name = f"{module}:make"

    with pytest.raises(InvalidSpec, match="expected a TorchModel"):
        build_learner(parse_spec(spec_of(name, ", learner: torch")), factories=Factories.parse(name))
