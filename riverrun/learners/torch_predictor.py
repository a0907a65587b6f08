"""Answering with one version of a torch model."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace

from riverrun.core.digest import HashTree
from riverrun.core.errors import DigestMismatch, InvalidInput
from riverrun.core.predictions import Features, Prediction
from riverrun.core.spec.model_spec import ModelSpec
from riverrun.core.units import SideDelta, Unit
from riverrun.learners.factories import Factories
from riverrun.learners.tensor_units import read_tensors
from riverrun.learners.torch_answers import TorchAnswers
from riverrun.learners.torch_builder import build_torch_model, module_tensors
from riverrun.learners.torch_learner import MODULE, load_module, without_prefix
from riverrun.learners.torch_model import TorchModel


class TorchPredictor:
    """One version of a torch model, as its serving side alone."""

    def __init__(self, task: str, model: TorchModel, tree: HashTree) -> None:
        self._task = task
        self._model = model
        self._tree = tree
        answers = TorchAnswers(model, task)
        self.predict = answers.__call__
        self._many = answers.many

    @classmethod
    def of(
        cls, spec: ModelSpec, factories: Factories, units: Mapping[int, Unit], serving_root: bytes
    ) -> TorchPredictor:
        """The predictor of `units`. Raises `DigestMismatch` where they do not have `serving_root`."""
        tree = HashTree(units)
        _check(tree, serving_root)
        model = build_torch_model(spec, factories)
        load_module(model.module, read_tensors(units.values()))
        model.module.requires_grad_(False)
        return cls(spec.task, model, tree)

    def predict_many(self, rows: Sequence[Features]) -> list[Prediction]:
        """Answer for each row, in order, in one pass."""
        return self._many(rows)

    def updated(self, delta: SideDelta, serving_root: bytes) -> TorchPredictor:
        """The predictor of the version that `delta` leads to from this one."""
        tree = self._tree.copy()
        tree.update(delta)
        _check(tree, serving_root)
        before = module_tensors(self._model.module)
        named = {MODULE + name: tensor for name, tensor in before.items()}
        changed = without_prefix(read_tensors(delta.changed.values(), named), MODULE)
        if delta.dropped:
            raise InvalidInput("delta", "does not fit this spec's model")
        # Tensors that did not change are shared by both versions: nothing changes them in evaluation.
        module = self._model.module
        tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        kept = {id(tensor): tensor for name, tensor in tensors.items() if name not in changed}
        twin = copy.deepcopy(module, kept)
        twin.load_state_dict(changed, strict=False)
        return TorchPredictor(self._task, replace(self._model, module=twin), tree)


def _check(tree: HashTree, serving_root: bytes) -> None:
    if tree.root != serving_root:
        raise DigestMismatch("serving side", serving_root.hex(), tree.root.hex())
