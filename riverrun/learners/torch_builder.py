"""Torch models from specs: a declared one, or what a factory makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from riverrun.core.errors import InvalidSpec
from riverrun.core.spec.factorization import FactorizationSpec
from riverrun.core.spec.mlp import MlpSpec
from riverrun.core.spec.model_spec import ModelSpec
from riverrun.core.spec.torch_models import torch_declaration
from riverrun.core.spec.two_tower import TwoTowerSpec
from riverrun.learners.factories import Factories
from riverrun.learners.torch_factorization import build_factorization
from riverrun.learners.torch_mlp import build_mlp
from riverrun.learners.torch_model import TorchModel
from riverrun.learners.torch_module import lay_out
from riverrun.learners.torch_two_tower import build_two_tower


def build_torch_model(spec: ModelSpec, factories: Factories) -> TorchModel:
    """A fresh model, as `spec` declares it, with its loss filled in, in evaluation mode.

    Raises `InvalidSpec`. From here on torch computes in one thread: batches are small, and more threads
    would change the sums.
    """
    torch.set_num_threads(1)
    # Off by default; said aloud, because torch warns of gradients of rows otherwise.
    torch.sparse.check_sparse_tensor_invariants.disable()  # type: ignore[no-untyped-call]
    model = _declared(spec) if spec.factory is None else _made(spec, factories)
    lay_out(model.module)
    model.module.eval()
    return model if model.loss is not None else replace(model, loss=usual_loss(spec.task))


def blank_torch_model(spec: ModelSpec, factories: Factories) -> TorchModel:
    """The same for tensors that are all to be filled: none that `spec` declares is drawn beforehand.

    What a factory makes is as it made it. Raises as `build_torch_model` does.
    """
    if spec.factory is not None:
        return build_torch_model(spec, factories)
    with _Undrawn():
        return build_torch_model(spec, factories)


class _Undrawn(TorchFunctionMode):
    """Leaves tensors that ``torch.nn.init`` would fill as they are: whatever the memory held."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type[Any]],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def usual_loss(task: str) -> nn.Module:
    """The loss of a task, one value per row."""
    if task == "regression":
        return nn.MSELoss(reduction="none")
    return (
        nn.BCEWithLogitsLoss(reduction="none") if task == "binary" else nn.CrossEntropyLoss(reduction="none")
    )


def _declared(spec: ModelSpec) -> TorchModel:
    declared = torch_declaration(spec)
    classes = declared.labels(spec.task, spec.label_type)
    assert spec.features is not None  # checked by torch_declaration
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(declared.seed)
        match declared:
            case MlpSpec():
                return build_mlp(declared, spec.task, spec.features, classes)
            case FactorizationSpec():
                return build_factorization(declared, spec.features, classes)
            case TwoTowerSpec():
                return build_two_tower(declared, spec.features, classes)
    raise InvalidSpec("model", f"cannot be built from {type(declared).__name__}")


def _made(spec: ModelSpec, factories: Factories) -> TorchModel:
    assert spec.factory is not None  # asked by the caller
    model = factories.load(spec.factory).make()
    if not isinstance(model, TorchModel):
        raise InvalidSpec("factory", f"made a {type(model).__name__}; expected a TorchModel")
    if not spec.is_classifier:
        return replace(model, classes=())
    wanted = {"bool": bool, "int": int, "category": str}[spec.label_type]
    classes = model.classes
    if not classes and spec.task == "binary" and wanted is not str:
        classes = (wanted(0), wanted(1))
    if len(classes) < 2 or (spec.task == "binary" and len(classes) != 2):
        raise InvalidSpec("factory", f"made a model of {len(classes)} classes, for a {spec.task} task")
    if any(type(label) is not wanted for label in classes):
        raise InvalidSpec("factory", f"made a model whose classes are not of type {spec.label_type}")
    return replace(model, classes=classes)
