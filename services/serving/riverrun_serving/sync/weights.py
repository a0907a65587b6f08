"""Encoded weights to predictors: the one place where serving meets codec and learners."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from riverrun.codec.wire import decode_side
from riverrun.core.spec import ModelSpec
from riverrun.core.units import SideDelta, Unit
from riverrun.learners.build import build_predictor
from riverrun.learners.factories import Factories
from riverrun.learners.protocol import Predictor


class Weights(Protocol):
    """How encoded weights become a predictor."""

    def decode(self, body: bytes) -> SideDelta:
        """The delta that `body` holds; raises `InvalidInput` when it holds none."""

    def build(self, spec: ModelSpec, units: Mapping[int, Unit], serving_root: bytes) -> Predictor:
        """A predictor of its own from a whole serving side.

        Raises `DigestMismatch`, `InvalidInput`, `InvalidSpec` for a factory that this process may not
        import. May take long: call it in a thread.
        """


class LearnedWeights:
    """The real thing: what `riverrun.codec` wrote and `riverrun.learners` can build."""

    def __init__(self, factories: Factories, max_bytes: int) -> None:
        self._factories = factories
        self._max_bytes = max_bytes

    def decode(self, body: bytes) -> SideDelta:
        """See `Weights.decode`; raises `Exhausted` for more than `max_bytes`."""
        return decode_side(body, max_bytes=self._max_bytes)

    def build(self, spec: ModelSpec, units: Mapping[int, Unit], serving_root: bytes) -> Predictor:
        """See `Weights.build`."""
        return build_predictor(spec, units, serving_root, factories=self._factories)
