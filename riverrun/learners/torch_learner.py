"""Learning with PyTorch, one batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from riverrun.core.digest import HashTree
from riverrun.core.errors import InvalidInput, RiverrunError
from riverrun.core.predictions import Features, Label, Prediction
from riverrun.core.spec.features import shown
from riverrun.core.spec.model_spec import ModelSpec
from riverrun.core.units import Delta, State, Unit
from riverrun.learners.factories import Factories
from riverrun.learners.metric_units import MetricUnits
from riverrun.learners.optimizer_state import load_optimizers, optimizer_tensors
from riverrun.learners.river_builder import build_metrics
from riverrun.learners.tensor_changes import TensorChanges
from riverrun.learners.tensor_units import Spans, read
from riverrun.learners.torch_answers import TorchAnswers, encoded
from riverrun.learners.torch_builder import build_torch_model
from riverrun.learners.torch_likeness import check_module, check_optimizers
from riverrun.learners.torch_model import TorchModel
from riverrun.learners.torch_module import (
    MODULE,
    copy_module,
    load_module,
    module_tensors,
    named,
    without_prefix,
)
from riverrun.learners.touched_rows import TouchedRows

_OPTIMIZER = "optimizer."
_RANDOM = "random"
_METRICS_NEXT = "metrics.next"


class TorchLearner:
    """A module that takes one optimizer step per batch, the same as in a loop written by hand.

    Its even-numbered units are blocks of tensors, the odd ones its metrics.
    """

    def __init__(self, spec: ModelSpec, factories: Factories) -> None:
        self._task = spec.task
        self._model = build_torch_model(spec, factories)
        self._index = {label: i for i, label in enumerate(self._model.classes)}
        self._answers = TorchAnswers(self._model, spec.task)
        self._random = torch.Generator().manual_seed(0).get_state()
        self._touched = TouchedRows(self._model)
        self._tensors = TensorChanges()
        self._metrics = MetricUnits(build_metrics(spec))
        self._sides: tuple[dict[int, Unit], dict[int, Unit]] = ({}, {})
        self._next_unit = 0
        self._trees = (HashTree(), HashTree())

    @classmethod
    def restored(cls, spec: ModelSpec, factories: Factories, state: State) -> TorchLearner:
        """The learner that goes on from `state`. Raises `InvalidInput` where it cannot be decoded."""
        learner = cls(spec, factories)
        learner._load(state)
        return learner

    @classmethod
    def adopting(cls, spec: ModelSpec, factories: Factories, model: object) -> TorchLearner:
        """A learner that goes on from what `model` holds, a module or a `TorchModel` of the user's own.

        A module alone begins with a fresh optimizer. Raises `InvalidInput` naming the first place where it
        is not built as `spec` declares.
        """
        learner = cls(spec, factories)
        own = learner._model
        module = model.module if isinstance(model, TorchModel) else model
        check_module(module, own.module)
        assert isinstance(module, torch.nn.Module)  # as the spec's is
        copy_module(module, own.module)
        if isinstance(model, TorchModel):
            check_optimizers(model.optimizers, own.optimizers)
            held = optimizer_tensors(model.optimizers)
            load_optimizers(own.optimizers, {name: tensor.clone() for name, tensor in held.items()})
        learner._touched.note_all()
        return learner

    @property
    def model(self) -> TorchModel:
        """The module with all that learning on takes."""
        return self._model

    @property
    def batch_size(self) -> int:
        """Examples of one step."""
        return self._model.batch_size

    def predict(self, features: Features) -> Prediction:
        """Answer for one row with what was learned so far."""
        return self._answers(features)

    def check(self, features: Features, label: Label, weight: float) -> None:
        """Raise `InvalidInput` for a row that cannot be encoded and a label that is no class."""
        self._targets([label])
        encoded(self._model, [features])

    def learn(self, rows: Sequence[Features], labels: Sequence[Label], weights: Sequence[float]) -> None:
        """Take one step over `batch_size` examples, or fewer where a batch is cut short on purpose."""
        if not 0 < len(rows) <= self.batch_size or not len(rows) == len(labels) == len(weights):
            raise InvalidInput("examples", f"expected 1 to {self.batch_size}, each with label and weight")
        targets = self._targets(labels)
        inputs = encoded(self._model, rows)
        with self._training():
            losses = self._losses(inputs, targets)
            loss = (losses * torch.tensor(weights, dtype=losses.dtype)).mean()
            if not torch.isfinite(loss):
                raise InvalidInput("features", "the loss of this example is not finite")
            loss.backward()  # type: ignore[no-untyped-call]
            self._touched.note()
            for optimizer in self._model.optimizers:
                optimizer.step()

    def score(self, features: Features, label: Label, prediction: Prediction) -> None:
        """Take `prediction`, made before learning `label`, into the metrics."""
        self._metrics.prequential.score(label, prediction)

    def metrics(self) -> Mapping[str, float]:
        """The metrics so far; one without a finite value yet is left out."""
        return self._metrics.prequential.values()

    def changes(self) -> Delta:
        """What changed since the last call."""
        tables, memory = self._touched.take()
        serving = self._tensors.changes(
            module_tensors(self._model.module), self._sides[0], named(MODULE, tables)
        )
        metrics, next_metric = self._metrics.changes()
        trainer = self._tensors.changes(
            self._trainer_tensors(next_metric), self._sides[1], named(_OPTIMIZER, memory)
        )
        self._next_unit = max(self._tensors.spans.next_number, next_metric)
        delta = Delta(serving, trainer.then(metrics), self._next_unit)
        for side, tree, part in zip(self._sides, self._trees, (delta.serving, delta.trainer), strict=True):
            part.apply_in_place(side)
            tree.update(part)
        return delta

    def roots(self) -> tuple[bytes, bytes]:
        """The serving and trainer roots as of the last `changes` call."""
        return self._trees[0].root, self._trees[1].root

    def state(self) -> State:
        """The whole state as of the last `changes` call."""
        return State(dict(self._sides[0]), dict(self._sides[1]), self._next_unit)

    @property
    def missed_changes(self) -> int:
        """Blocks of tables that the rolling audit found changed although no step told of them."""
        return self._tensors.missed

    def _trainer_tensors(self, next_metric: int) -> dict[str, Tensor]:
        tensors = named(_OPTIMIZER, optimizer_tensors(self._model.optimizers))
        return {**tensors, _RANDOM: self._random, _METRICS_NEXT: torch.tensor(next_metric)}

    def _load(self, state: State) -> None:
        even = {number: unit for number, unit in state.trainer.items() if not number & 1}
        odd = {number: unit for number, unit in state.trainer.items() if number & 1}
        spans = Spans({**state.serving, **even})
        load_module(self._model.module, spans, state.serving)
        shapes = {tuple(parameter.shape) for parameter in self._model.module.parameters()}
        rest = read(spans, even, shapes)
        random, next_metric = rest.pop(_RANDOM, None), rest.pop(_METRICS_NEXT, None)
        if random is None or random.shape != self._random.shape or random.dtype != torch.uint8:
            raise InvalidInput("state", "not the state of a torch learner")
        if next_metric is None or next_metric.shape != () or next_metric.dtype != torch.int64:
            raise InvalidInput("state", "not the state of a torch learner")
        self._random = random
        load_optimizers(self._model.optimizers, without_prefix(rest, _OPTIMIZER))
        self._tensors = TensorChanges(spans)
        self._metrics.restored(odd, int(next_metric))
        self._sides = (dict(state.serving), dict(state.trainer))
        self._next_unit = state.next_unit
        self._trees = (HashTree(state.serving), HashTree(state.trainer))

    def _targets(self, labels: Sequence[Label]) -> Tensor:
        if not self._index:
            return torch.tensor(labels, dtype=torch.float32)
        for label in labels:
            if label not in self._index:
                known = ", ".join(map(shown, self._model.classes[:20]))
                raise InvalidInput("label", f"expected one of {known}, got {shown(label)}")
        indexes = [self._index[label] for label in labels]
        return torch.tensor(indexes, dtype=torch.float32 if self._task == "binary" else torch.int64)

    def _losses(self, inputs: tuple[Tensor, ...], targets: Tensor) -> Tensor:
        outputs = self._model.module(*inputs)
        if self._task != "multiclass":
            outputs = outputs.reshape(-1)
        assert self._model.loss is not None  # filled in when the model is built
        return self._model.loss(outputs, targets)

    @contextmanager
    def _training(self) -> Iterator[None]:
        """Training mode with random numbers of the learner's own; after an error nothing was learned."""
        module = self._model.module
        buffers = [(buffer, buffer.clone()) for buffer in module.buffers()]
        others = torch.get_rng_state()
        torch.set_rng_state(self._random)
        module.train()
        for optimizer in self._model.optimizers:
            optimizer.zero_grad()
        try:
            yield
            self._random = torch.get_rng_state()
        except Exception as error:
            for buffer, before in buffers:
                buffer.copy_(before)
            if isinstance(error, RiverrunError):
                raise
            why = f"the model cannot learn from this batch ({type(error).__name__})"
            raise InvalidInput("features", why) from error
        finally:
            torch.set_rng_state(others)
            module.eval()
