"""Learners and predictors from model specs: the only way in for the rest of riverrun."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from riverrun.core.catalogue import Misfit
from riverrun.core.errors import InvalidSpec
from riverrun.core.spec.model_spec import ModelSpec
from riverrun.core.units import State, Unit
from riverrun.learners.factories import NO_FACTORIES, Factories
from riverrun.learners.protocol import Learner, Predictor
from riverrun.learners.river_learner import RiverLearner
from riverrun.learners.river_predictor import RiverPredictor


def build_learner(spec: ModelSpec, *, factories: Factories = NO_FACTORIES) -> Learner:
    """A learner that has learned nothing yet.

    Raises `InvalidSpec` where the model cannot be built, and for a factory that `factories` does not name.
    """
    with _checked():
        if spec.learner == "torch":
            learner: Learner = _torch().TorchLearner(spec, factories)
            return learner
        return RiverLearner(spec, factories)


def restore_learner(spec: ModelSpec, state: State, *, factories: Factories = NO_FACTORIES) -> Learner:
    """The learner whose whole state is `state`, made by a learner of an equal spec.

    Raises `InvalidInput` where the state is none of this spec's, and as `build_learner` does.
    """
    with _checked():
        if spec.learner == "torch":
            learner: Learner = _torch().TorchLearner.restored(spec, factories, state)
            return learner
        return RiverLearner.restored(spec, factories, state)


def build_predictor(
    spec: ModelSpec,
    serving_units: Mapping[int, Unit],
    serving_root: bytes,
    *,
    factories: Factories = NO_FACTORIES,
) -> Predictor:
    """The predictor of the version whose serving side is `serving_units`.

    Raises `DigestMismatch` where they do not have `serving_root`, `InvalidInput` where they cannot be
    decoded, and `InvalidSpec` as `build_learner` does.
    """
    with _checked():
        if spec.learner == "torch":
            predictor: Predictor = _torch().TorchPredictor.of(spec, factories, serving_units, serving_root)
            return predictor
        return RiverPredictor.of(spec, factories, serving_units, serving_root)


@contextmanager
def _checked() -> Iterator[None]:
    """Specs that were never parsed from text are checked here for the first time."""
    try:
        yield
    except Misfit as misfit:
        raise InvalidSpec(".".join(map(str, misfit.path)), misfit.message) from misfit


def _torch() -> Any:
    """The torch learners, imported by the first spec that asks for them."""
    try:
        from riverrun.learners import torch_learners
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "torch":
            raise
        raise InvalidSpec("learner", "torch is not installed; install riverrun[torch]") from error
    return torch_learners
