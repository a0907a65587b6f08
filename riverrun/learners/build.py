"""Learners and predictors from model specs: the only way in for the rest of riverrun."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from riverrun.core.catalogue import Misfit
from riverrun.core.digest import HashTree
from riverrun.core.errors import DigestMismatch, InvalidSpec
from riverrun.core.parts import without_parts
from riverrun.core.spec.model_spec import ModelSpec
from riverrun.core.steps import Steps, finish
from riverrun.core.units import EMPTY, State, Unit
from riverrun.evaluation import Prequential
from riverrun.learners import river_builder
from riverrun.learners.factories import NO_FACTORIES, Factories
from riverrun.learners.protocol import Learner, Predictor
from riverrun.learners.river_learner import RiverLearner
from riverrun.learners.river_predictor import RiverPredictor
from riverrun.learners.rounding_learner import RoundingLearner, exact_state

if TYPE_CHECKING:
    from riverrun.learners.torch_learner import TorchLearner
    from riverrun.learners.torch_predictor import TorchPredictor


def build_learner(spec: ModelSpec, *, factories: Factories = NO_FACTORIES) -> Learner:
    """A learner that has learned nothing yet.

    Raises `InvalidSpec` where the model cannot be built, and for a factory that `factories` does not name.
    """
    with _checked():
        kind = _torch_learner() if spec.learner == "torch" else RiverLearner
        return _rounding(spec, kind(spec, factories), EMPTY)


def restore_learner(spec: ModelSpec, state: State, *, factories: Factories = NO_FACTORIES) -> Learner:
    """The learner whose whole state is `state`, made by a learner of an equal spec; without parts.

    Raises `InvalidInput` where the state is none of this spec's, and as `build_learner` does.
    """
    with _checked():
        kind = _torch_learner() if spec.learner == "torch" else RiverLearner
        return _rounding(spec, kind.restored(spec, factories, exact_state(state)), state)


def adopt_model(spec: ModelSpec, model: object, *, factories: Factories = NO_FACTORIES) -> Learner:
    """The learner that goes on from a user's own object: a River estimator, a module or a `TorchModel`.

    Raises `InvalidInput` naming the first place where it is not built as `spec` declares, and as
    `build_learner` does. Ask it for `changes` first: what it learned before that cannot be undone.
    """
    with _checked():
        kind = _torch_learner() if spec.learner == "torch" else RiverLearner
        return _rounding(spec, kind.adopting(spec, factories, model), EMPTY)


def live_model(
    spec: ModelSpec, state: State, roots: tuple[bytes, bytes], *, factories: Factories = NO_FACTORIES
) -> Any:
    """The object of a whole `state`, the caller's own: a River estimator, or a `TorchModel`.

    It predicts as serving does with that state, and learns on; what a trainer keeps beside it is proven and
    left out. Raises `DigestMismatch` where the state does not have `roots`, and as `restore_learner` does.
    """
    state, parts = without_parts(state)
    with _checked():
        kind = _torch_learner() if spec.learner == "torch" else RiverLearner
        learner = kind.restored(spec, factories, exact_state(state))
    rounding = _rounding(spec, learner, state)
    told = rounding.roots()
    if parts:
        told = (told[0], HashTree({**rounding.state().trainer, **parts}).root)
    for side, expected, found in zip(("serving", "trainer"), roots, told, strict=True):
        if expected != found:
            raise DigestMismatch(f"{side} side", expected.hex(), found.hex())
    return learner.model


def build_metrics(spec: ModelSpec) -> Prequential:
    """The metrics that `spec` names, fresh. Raises `InvalidSpec`."""
    with _checked():
        return river_builder.build_metrics(spec)


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
    return finish(opening_predictor(spec, serving_units, serving_root, factories=factories))


def opening_predictor(
    spec: ModelSpec,
    serving_units: Mapping[int, Unit],
    serving_root: bytes,
    *,
    factories: Factories = NO_FACTORIES,
) -> Steps[Predictor]:
    """`build_predictor` in steps of some tens of microseconds.

    What cannot be cut is done before the first of them, in this call: libraries are imported, a factory
    makes its model.
    """
    with _checked():
        if spec.learner == "torch":
            return _torch_predictor().opening(spec, factories, serving_units, serving_root)
        return RiverPredictor.opening(spec, factories, serving_units, serving_root)


def _rounding(spec: ModelSpec, learner: Learner, state: State) -> Learner:
    """`learner`, made to round what it tells where `spec` or `state`, which it goes on from, does."""
    precision = spec.publish.precision
    if precision == "exact" and state.serving.keys().isdisjoint(state.trainer):
        return learner
    return RoundingLearner(learner, precision, state)


@contextmanager
def _checked() -> Iterator[None]:
    """Specs that were never parsed from text are checked here for the first time."""
    try:
        yield
    except Misfit as misfit:
        raise InvalidSpec(".".join(map(str, misfit.path)), misfit.message) from misfit


def _torch_learner() -> type[TorchLearner]:
    """The class, imported with torch by the first spec that asks for it."""
    with _torch_installed():
        from riverrun.learners.torch_learner import TorchLearner
    return TorchLearner


def _torch_predictor() -> type[TorchPredictor]:
    with _torch_installed():
        from riverrun.learners.torch_predictor import TorchPredictor
    return TorchPredictor


@contextmanager
def _torch_installed() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "torch":
            raise
        raise InvalidSpec("learner", "torch is not installed; install riverrun[torch]") from error
