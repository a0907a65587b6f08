"""The Open Inference Protocol's calls over our own core; both of its transports use this."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import msgspec

from riverrun.core.errors import InvalidInput, NotReady
from riverrun.runtime import metrics
from riverrun.runtime.clock import Clock
from riverrun_serving.core.predicting import Answer, answer_many, answer_one
from riverrun_serving.core.row_counters import RowCounters
from riverrun_serving.core.served_models import ServedModels
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


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """What a client needs to know to call a model."""

    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: Sequence[TensorInfo]
    outputs: Sequence[TensorInfo]


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
        self, models: ServedModels, clock: Clock, why_not_ready: Callable[[], str], protocol: str
    ) -> None:
        self._models = models
        self._clock = clock
        self._why_not_ready = why_not_ready
        self._rows = RowCounters(protocol)
        self._seconds = metrics.PREDICT_SECONDS.labels(protocol)

    def server_ready(self) -> bool:
        """Whether every model that was registered at start has weights."""
        return not self._why_not_ready()

    def model_names(self) -> list[str]:
        """All models, trained or not."""
        return [model.name for model in self._models]

    def model_ready(self, name: str, channel_or_version: str) -> bool:
        """Whether the model answers. Raises `NotFound` where there is no such model or version."""
        slot = self._models.model(name).slot(channel_or_version)
        try:
            slot.ready_version(self._clock.monotonic())
        except NotReady:
            return False
        return True

    def metadata(self, name: str, channel_or_version: str) -> ModelMetadata:
        """A model's inputs and outputs; before its first version those that its spec promises."""
        model = self._models.model(name)
        current = model.slot(channel_or_version).current
        spec = model.spec if current is None else current.spec
        numbers = {slot.current.version for slot in model.slots.values() if slot.current is not None}
        return ModelMetadata(
            name=name,
            versions=tuple(str(number) for number in sorted(numbers)),
            platform=f"riverrun_{spec.learner}",
            inputs=input_tensors(spec),
            outputs=output_tensors(spec),
        )

    async def infer(
        self,
        name: str,
        channel_or_version: str,
        request_id: str,
        inputs: Sequence[Tensor],
        outputs: Sequence[str],
    ) -> Inferred:
        """Answer for every row. Raises `NotFound`, `NotReady`, `InvalidInput`."""
        begun = time.perf_counter()
        slot = self._models.model(name).slot(channel_or_version)
        now = self._clock.monotonic()
        spec = slot.ready_version(now).spec
        answer = await answer_many(slot, rows_from(spec, inputs), request_id, now, where="inputs")
        tensors = wanted_outputs(answer_tensors(spec, answer), outputs)
        self._count(name, len(answer.predictions), begun)
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

        Raises the same, naming ``features``.
        """
        begun = time.perf_counter()
        slot = self._models.model(name).slot(channel_or_version)
        now = self._clock.monotonic()
        names = slot.ready_version(now).float_row if names is None else names
        if len(names) != len(values):
            raise InvalidInput("features", f"expected {len(names)} numbers, got {len(values)}")
        answer = answer_one(slot, dict(zip(names, values, strict=True)), request_id, now)
        self._count(name, 1, begun)
        return answer

    def _count(self, name: str, rows: int, begun: float) -> None:
        self._rows.count(name, rows)
        self._seconds.observe(time.perf_counter() - begun)


def parameters_of(answer: Answer) -> dict[str, str | int]:
    """Strings and whole numbers only: kserve's gRPC client reads a double as empty."""
    return {
        "version": answer.loaded.version,
        "channel": answer.channel,
        "age_seconds": f"{answer.age_s:.3f}",
    }
