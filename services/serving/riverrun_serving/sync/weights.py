"""Encoded weights to predictors: the one place where serving meets codec and learners."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from riverrun.codec.wire import decoding_side
from riverrun.core.spec import ModelSpec
from riverrun.core.steps import Steps
from riverrun.core.units import SideDelta, Unit
from riverrun.learners.build import opening_predictor
from riverrun.learners.factories import Factories
from riverrun.learners.protocol import Predictor


class Weights(Protocol):
    """How encoded weights become a predictor."""

    def decoding(self, body: bytes) -> Steps[SideDelta]:
        """The delta that `body` holds, in steps; raises `InvalidInput` when it holds none."""

    def opening(self, spec: ModelSpec, units: Mapping[int, Unit], serving_root: bytes) -> Steps[Predictor]:
        """A predictor of its own from a whole serving side, in steps.

        Raises `DigestMismatch`, `InvalidInput`, `InvalidSpec` for a factory that this process may not
        import. What cannot be cut in steps is done before the first, and may take long: call it in a thread.
        """


class LearnedWeights:
    """The real thing: what `riverrun.codec` wrote and `riverrun.learners` can build."""

    def __init__(self, factories: Factories, max_bytes: int) -> None:
        self._factories = factories
        self._max_bytes = max_bytes

    def decoding(self, body: bytes) -> Steps[SideDelta]:
        """See `Weights.decoding`; raises `Exhausted` for more than `max_bytes`."""
        return decoding_side(body, max_bytes=self._max_bytes)

    def opening(self, spec: ModelSpec, units: Mapping[int, Unit], serving_root: bytes) -> Steps[Predictor]:
        """See `Weights.opening`."""
        return opening_predictor(spec, units, serving_root, factories=self._factories)
