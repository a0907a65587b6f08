"""Objects as pushes, and pulls as objects, without a server."""

from __future__ import annotations

from typing import Any

import pytest
from river import linear_model, preprocessing

from riverrun.client.live_objects import loaded, push_of
from riverrun.core.errors import DigestMismatch, InvalidSpec
from riverrun.core.events import OffsetRange, Positions, Stream
from riverrun.core.versions import Manifest, ModelInfo
from riverrun.rpc.weights import Pulled, Push
from tests.contract.factory_models import own_river

SPEC = """
name: m
task: binary
model: [preprocessing.StandardScaler, linear_model.LogisticRegression]
features: {a: float}
"""
FACTORY = "tests.contract.factory_models:own_river"
OWN = f"name: m\ntask: regression\nfactory: {FACTORY}\nfeatures: {{a: float}}\n"


def info(spec: str = SPEC) -> ModelInfo:
    return ModelInfo("m", spec, 7, (), ())


def trained() -> Any:
    model = preprocessing.StandardScaler() | linear_model.LogisticRegression()
    for n in range(30):
        model.learn_one({"a": n % 7}, n % 7 > 3)
    return model


def manifest(push: Push, positions: Positions | None = None) -> Manifest:
    return Manifest(
        model="m",
        version=3,
        line=1,
        parent=0,
        epoch=0,
        digest=b"",
        serving_root=push.serving_root,
        trainer_root=push.trainer_root,
        spec_digest=b"",
        created_ns=1,
        next_unit=push.next_unit,
        positions=positions or {},
    )


def pulled(push: Push, spec: str = SPEC) -> Pulled:
    return Pulled("store", manifest(push), 0, 0, push.serving, push.trainer, spec)


def test_an_object_comes_back_and_learns_on() -> None:
    model = trained()

    push = push_of(info(), model, None, ())
    twin = loaded(pulled(push), ())

    assert (push.line, push.epoch, push.base_version, push.snapshot, push.spec_revision) == (0, 0, 0, True, 7)
    for n in range(20):
        assert twin.predict_proba_one({"a": n / 3}) == model.predict_proba_one({"a": n / 3})
        twin.learn_one({"a": n / 3}, n % 2 == 0)
        model.learn_one({"a": n / 3}, n % 2 == 0)


def test_what_the_live_line_has_learned_is_left_out_on_record() -> None:
    model = trained()
    positions: Positions = {Stream.EXAMPLES: {0: 40, 1: 0}, Stream.LABELS: {0: 2}}
    learned = manifest(push_of(info(), model, None, ()), positions)

    push = push_of(info(), model, learned, ())

    assert push.positions == positions
    assert push.skipped == (OffsetRange(Stream.EXAMPLES, 0, 0, 40), OffsetRange(Stream.LABELS, 0, 0, 2))
    assert push_of(info(), model, None, ()).skipped == ()


def test_weights_that_are_not_those_of_the_manifest_are_refused() -> None:
    model = trained()
    push = push_of(info(), model, None, ())
    model.learn_one({"a": 99.0}, True)
    other = push_of(info(), model, None, ())

    with pytest.raises(DigestMismatch):
        loaded(Pulled("store", manifest(push), 0, 0, other.serving, other.trainer, SPEC), ())


def test_factories_are_imported_only_where_they_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RIVERRUN_FACTORIES", raising=False)
    model = own_river()
    model.learn_one({"a": 1.0}, 2.0)
    push = push_of(info(OWN), model, None, (FACTORY,))

    with pytest.raises(InvalidSpec, match="RIVERRUN_FACTORIES"):
        loaded(pulled(push, OWN), ())
    monkeypatch.setenv("RIVERRUN_FACTORIES", f"other:make, {FACTORY}")

    assert loaded(pulled(push, OWN), ()).predict_one({"a": 1.0}) == model.predict_one({"a": 1.0})
