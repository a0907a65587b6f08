"""The torch models that a spec can declare, by name."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from riverrun.core.catalogue import Misfit
from riverrun.core.spec.factorization import FactorizationSpec
from riverrun.core.spec.misfits import as_misfit
from riverrun.core.spec.mlp import MlpSpec
from riverrun.core.spec.model_spec import ModelSpec
from riverrun.core.spec.torch_spec import TorchSpec
from riverrun.core.spec.two_tower import TwoTowerSpec

TORCH_MODELS: Mapping[str, type[TorchSpec]] = {
    "mlp": MlpSpec,
    "factorization": FactorizationSpec,
    "two_tower": TwoTowerSpec,
}


def torch_declaration(spec: ModelSpec) -> TorchSpec:
    """The torch model that `spec` declares. Raises `Misfit`."""
    known = ", ".join(TORCH_MODELS)
    if not isinstance(spec.model, Mapping) or len(spec.model) != 1:
        raise Misfit(("model",), f"expected one of {known}, such as {{mlp: {{…}}}}")
    ((name, arguments),) = spec.model.items()
    kind = TORCH_MODELS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise Misfit(("model", name), f"unknown torch model {str(name)[:80]}; there is: {known}")
    path = ("model", name)
    try:
        declared = kind.model_validate({} if arguments is None else arguments)
    except ValidationError as error:
        inner = as_misfit(error)
        raise Misfit((*path, *inner.path), inner.message) from error
    if not spec.features:
        raise Misfit(("features",) if spec.features is not None else path, f"{name} needs features")
    try:
        declared.labels(spec.task, spec.label_type)
    except ValueError as error:
        raise Misfit((*path, "classes"), str(error)) from error
    try:
        declared.check(spec.task, spec.features)
    except Misfit as misfit:
        raise Misfit((*path, *misfit.path), misfit.message) from misfit
    return declared
