"""A predictor of one unit, for tests of what happens around predictors."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from riverrun_serving.core.model_slot import LoadedVersion, ModelSlot

from riverrun.core.digest import HashTree
from riverrun.core.errors import DigestMismatch, InvalidInput, NotReady
from riverrun.core.predictions import Features, Prediction
from riverrun.core.spec import ModelSpec, parse_spec
from riverrun.core.steps import Steps
from riverrun.core.units import SideDelta, Unit
from riverrun.core.versions import Manifest

SPEC_YAML = """
name: houses
task: regression
model: [linear_model.LinearRegression]
features: {rooms: int, size: {type: float, min: 0}}
"""
SPEC = parse_spec(SPEC_YAML)


class OneNumber:
    """Answers with the number that unit 1 holds, whatever the row."""

    def __init__(self, units: Mapping[int, Unit], serving_root: bytes) -> None:
        found = HashTree(units).root
        if found != serving_root:
            raise DigestMismatch("serving side", serving_root.hex(), found.hex())
        self.units = dict(units)
        try:
            self.number = float(units[1])
        except ValueError:
            raise InvalidInput("state", "expected a number") from None

    def predict(self, features: Features) -> Prediction:
        if not math.isfinite(self.number):
            raise NotReady("model", "its answer is not finite")
        return Prediction(self.number)

    def predict_many(self, rows: Sequence[Features]) -> list[Prediction]:
        return [self.predict(row) for row in rows]

    def updated(self, delta: SideDelta, serving_root: bytes) -> OneNumber:
        return OneNumber(delta.apply(self.units), serving_root)

    def updating(self, delta: SideDelta, serving_root: bytes) -> Steps[OneNumber]:
        yield
        return self.updated(delta, serving_root)


class OneNumberWeights:
    """Weights whose encoded form is the text of the number; counts what was built whole."""

    def __init__(self) -> None:
        self.built = 0

    def decoding(self, body: bytes) -> Steps[SideDelta]:
        yield
        return SideDelta({1: body})

    def opening(self, spec: ModelSpec, units: Mapping[int, Unit], serving_root: bytes) -> Steps[OneNumber]:
        self.built += 1
        yield
        return OneNumber(units, serving_root)


def units_of(version: int) -> dict[int, Unit]:
    """The serving side of version `version`, which answers with its number."""
    return {1: str(version).encode()}


def manifest_of(version: int, **other: Any) -> Manifest:
    """The manifest of version `version` of `houses`."""
    root = HashTree(units_of(version)).root
    fields: dict[str, Any] = {
        "model": "houses",
        "version": version,
        "line": 1,
        "parent": version - 1,
        "epoch": 1,
        "digest": hashlib.sha256(root).digest(),
        "serving_root": root,
        "trainer_root": bytes(32),
        "spec_digest": SPEC.digest(),
        "created_ns": 1_790_000_000_000_000_000,
        "next_unit": 2,
    }
    return Manifest(**(fields | other))


def loaded(
    version: int, generation: int = 1, store_id: str = "store-a", spec: ModelSpec = SPEC
) -> LoadedVersion:
    """Version `version`, ready to answer."""
    manifest = manifest_of(version)
    predictor = OneNumber(units_of(version), manifest.serving_root)
    return LoadedVersion(store_id, manifest, spec, SPEC_YAML, predictor, generation)


def slot_with(version: int) -> ModelSlot:
    """A slot that answers with `version` since the monotonic time 0."""
    slot = ModelSlot("houses", "live")
    slot.swap(loaded(version), 0.0, None)
    return slot


class FakeClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.wall = 1_790_000_000_000_000_000

    def monotonic(self) -> float:
        return self.now

    def wall_ns(self) -> int:
        return self.wall
