"""The Open Inference Protocol's calls over our own core; both of its transports use this."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import msgspec

from riverrun.core.errors import InvalidInput, NotReady, RiverrunError
from riverrun.core.spec import ModelSpec
from riverrun.core.spec.features import shown
from riverrun.runtime.clock import Clock
from riverrun_serving.core.deadline import NO_DEADLINE, Deadline
from riverrun_serving.core.model_config import ModelConfig, model_config
from riverrun_serving.core.model_slot import ModelSlot
from riverrun_serving.core.predicting import Answer, answer_many, answer_one
from riverrun_serving.core.prediction_log import PredictionLog
from riverrun_serving.core.request_meter import ChannelStatistics, RequestMeter, statistics_of
from riverrun_serving.core.served_models import ServedModel, ServedModels
from riverrun_serving.core.tensors import (
    Tensor,
    TensorInfo,
    answer_tensors,
    input_tensors,
    output_tensors,
    rows_from,
    wanted_outputs,
)

SERVER_NAME = "riverrun"
SERVER_VERSION = version("riverrun")
EXTENSIONS = ("binary_tensor_data", "model_configuration", "model_repository", "statistics")
LOADING = "versions come from the parameter server: use promote, pin or rollback"
"""What whoever asks to load or unload a model is told."""


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """What a client needs to know to call a model."""

    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: Sequence[TensorInfo]
    outputs: Sequence[TensorInfo]


@dataclass(frozen=True, slots=True)
class VersionState:
    """One version in the index; its number is empty before the first. `why_not` is empty where it answers."""

    model: str
    version: str
    why_not: str

    @property
    def ready(self) -> bool:
        """Whether the version answers."""
        return not self.why_not

    @property
    def state(self) -> str:
        """The protocol's word for it."""
        return "UNAVAILABLE" if self.why_not else "READY"


class Inferred(msgspec.Struct, frozen=True):
    """One answered inference. `parameters` repeat what some clients drop from the answer itself."""

    model: str
    version: str
    id: str
    parameters: dict[str, str | int]
    outputs: Sequence[Tensor]


class Inference:
    """Calls of the protocol, on rows, tensors and our errors."""

    def __init__(
        self,
        models: ServedModels,
        clock: Clock,
        why_not_ready: Callable[[], str],
        protocol: str,
        predictions: PredictionLog,
    ) -> None:
        self._models = models
        self._clock = clock
        self._why_not_ready = why_not_ready
        self._meter = RequestMeter(protocol)
        self._predictions = predictions

    def server_ready(self) -> bool:
        """Whether every model that was registered at start has weights."""
        return not self._why_not_ready()

    def model_names(self) -> list[str]:
        """All models, trained or not."""
        return [model.name for model in self._models]

    def model_ready(self, name: str, channel_or_version: str) -> bool:
        """Whether the model answers. Raises `NotFound` where there is no such model or version."""
        return not self._why_not(self._models.model(name).slot(channel_or_version))

    def metadata(self, name: str, channel_or_version: str) -> ModelMetadata:
        """A model's inputs and outputs; before its first version those that its spec promises."""
        model = self._models.model(name)
        current = model.slot(channel_or_version).current
        spec = model.spec if current is None else current.spec
        numbers = {slot.current.version for slot in model.slots.values() if slot.current is not None}
        return ModelMetadata(
            name=name,
            versions=tuple(str(number) for number in sorted(numbers)),
            platform=_platform(spec),
            inputs=input_tensors(spec),
            outputs=output_tensors(spec),
        )

    def config(self, name: str, channel_or_version: str) -> ModelConfig:
        """The same in the words of Triton's configuration."""
        model = self._models.model(name)
        current = model.slot(channel_or_version).current
        spec = model.spec if current is None else current.spec
        return model_config(name, _platform(spec), spec)

    async def infer(
        self,
        name: str,
        channel_or_version: str,
        request_id: str,
        inputs: Sequence[Tensor],
        outputs: Sequence[str],
        deadline: Deadline = NO_DEADLINE,
        key: Any = None,
    ) -> Inferred:
        """Answer for every row. Raises `NotFound`, `NotReady`, `InvalidInput`, `DeadlineExceeded`.

        `key` is the request's parameter of that name, None where it has none.

        A single row is logged by the answer's id, several by their `Answer.ids`.
        """
        begun = time.perf_counter()
        model = self._models.model(name)
        if not (key is None or isinstance(key, str)):
            raise InvalidInput("parameters.key", f"expected a string, got {shown(key)}")
        slot, exposure = model.choose(channel_or_version, key)
        try:
            deadline.check_begin()
            now = self._clock.monotonic()
            spec = slot.ready_version(now).spec
            rows = rows_from(spec, inputs)
            answer = await answer_many(
                slot, rows, request_id, now, where="inputs", deadline=deadline, exposure=exposure
            )
            tensors = wanted_outputs(answer_tensors(spec, answer), outputs)
        except RiverrunError:
            self._meter.failed(slot, begun)
            raise
        if share := model.spec.logged_share:
            ids = [answer.id] if len(answer.rows) == 1 else answer.ids
            self._predictions.note(name, answer, ids, share)
        self._meter.answered(slot, len(answer.predictions), begun)
        return Inferred(name, str(answer.loaded.version), answer.id, parameters_of(answer), tensors)

    def infer_row(
        self,
        name: str,
        channel_or_version: str,
        request_id: str,
        names: Sequence[str] | None,
        values: Sequence[float],
    ) -> Answer:
        """`infer` for one row that an edge has read already: `values` of `names`, or in the spec's order.

        Raises the same, naming ``features``. What is wrong with the row is counted by `infer`, which the
        edge asks then.
        """
        begun = time.perf_counter()
        model = self._models.model(name)
        slot = model.slot(channel_or_version)
        now = self._clock.monotonic()
        names = slot.ready_version(now).float_row if names is None else names
        if len(names) != len(values):
            raise InvalidInput("features", f"expected {len(names)} numbers, got {len(values)}")
        answer = answer_one(slot, dict(zip(names, values, strict=True)), request_id, now)
        if share := model.spec.logged_share:
            self._predictions.note(name, answer, [answer.id], share)
        self._meter.answered(slot, 1, begun)
        return answer

    def index(self, *, only_ready: bool = False) -> list[VersionState]:
        """Every version that a channel holds, once each, by model and number; models without one, too."""
        states = [state for model in self._models for state in self._states(model)]
        return [state for state in states if state.ready or not only_ready]

    def statistics(self, name: str, channel_or_version: str) -> list[ChannelStatistics]:
        """Of one channel, of all of a model's, or for no name of all models. Raises `NotFound`."""
        if not name:
            return [statistics_of(slot) for model in self._models for slot in _slots(model)]
        model = self._models.model(name)
        slots = [model.slot(channel_or_version)] if channel_or_version else _slots(model)
        return [statistics_of(slot) for slot in slots]

    def _why_not(self, slot: ModelSlot) -> str:
        try:
            slot.ready_version(self._clock.monotonic())
        except NotReady as error:
            return error.why
        return ""

    def _states(self, model: ServedModel) -> list[VersionState]:
        reasons: dict[int | None, str] = {}
        for slot in _slots(model):
            number = None if slot.current is None else slot.current.version
            why = self._why_not(slot)
            # Two channels may hold one version: it answers where either does.
            reasons[number] = why and reasons.get(number, why)
        numbers = sorted(number for number in reasons if number is not None)
        if not numbers:
            return [VersionState(model.name, "", reasons.get(None, "not trained yet"))]
        return [VersionState(model.name, str(number), reasons[number]) for number in numbers]


def _platform(spec: ModelSpec) -> str:
    return f"riverrun_{spec.learner}"


def _slots(model: ServedModel) -> list[ModelSlot]:
    return [slot for _, slot in sorted(model.slots.items())]


def parameters_of(answer: Answer) -> dict[str, str | int]:
    """Strings and whole numbers only: kserve's gRPC client reads a double as empty."""
    parameters: dict[str, str | int] = {
        "version": answer.loaded.version,
        "channel": answer.channel,
        "age_seconds": f"{answer.age_s:.3f}",
    }
    if answer.exposure is not None:
        parameters["arm"] = answer.exposure.arm
    return parameters
