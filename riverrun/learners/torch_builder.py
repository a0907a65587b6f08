"""Torch models from specs: the declared perceptron, or what a factory makes."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from riverrun.core.errors import InvalidSpec
from riverrun.core.spec.model_spec import ModelSpec
from riverrun.learners.factories import Factories
from riverrun.learners.torch_mlp import build_mlp
from riverrun.learners.torch_model import TorchModel


def build_torch_model(spec: ModelSpec, factories: Factories) -> TorchModel:
    """A fresh model, as `spec` declares it, with its loss filled in, in evaluation mode.

    Raises `InvalidSpec`. From here on torch computes in one thread: batches are small, and more threads
    would change the sums.
    """
    torch.set_num_threads(1)
    model = build_mlp(spec) if spec.factory is None else _made(spec, factories)
    model.module.eval()
    return model if model.loss is not None else replace(model, loss=usual_loss(spec.task))


def usual_loss(task: str) -> nn.Module:
    """The loss of a task, one value per row."""
    if task == "regression":
        return nn.MSELoss(reduction="none")
    return (
        nn.BCEWithLogitsLoss(reduction="none") if task == "binary" else nn.CrossEntropyLoss(reduction="none")
    )


def module_tensors(module: nn.Module) -> dict[str, Tensor]:
    """All that prediction reads, by name. Raises `InvalidSpec` for state that is no tensor."""
    state = module.state_dict()
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise InvalidSpec("factory", f"the module's state has {name}, which is no tensor")
    return state


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
