"""Where the time of one prediction goes: CPU time of this process, no sockets, nobody else asked.

Each part is called by itself, so the parts do not add up to the route: calls between them are in it, too.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from riverrun_serving.core.deadline import NO_DEADLINE
from riverrun_serving.core.inference import Inference
from riverrun_serving.core.model_slot import LoadedVersion, ModelSlot
from riverrun_serving.core.predicting import answer_one, check_id
from riverrun_serving.core.prediction_log import PredictionLog
from riverrun_serving.core.request_meter import RequestMeter
from riverrun_serving.core.served_models import ServedModel, ServedModels
from riverrun_serving.core.traffic import Traffic
from riverrun_serving.grpc_edge import messages
from riverrun_serving.grpc_edge.known_requests import KnownRequests
from riverrun_serving.grpc_edge.known_responses import KnownResponses
from riverrun_serving.grpc_edge.servicer import InferenceServicer
from riverrun_serving.rest_edge import native_routes
from riverrun_serving.rest_edge.json_body import decode
from tritonclient.grpc import service_pb2

from benchmarks import workload
from benchmarks.figures import Figure, rounded
from benchmarks.predict import INFER, infer_request
from riverrun.core.events import Appended, NewEvent, Stream
from riverrun.core.spec import parse_spec
from riverrun.core.versions import Manifest
from riverrun.learners.build import build_learner, build_predictor
from riverrun.runtime.clock import SystemClock
from riverrun.runtime.queue_gate import QueueGate
from riverrun.runtime.round_budget import RoundBudget

CALLS = 1000
ROUNDS = 15


def microseconds(round_of: Callable[[int], Any]) -> float:
    """CPU time of one call: the best of some rounds, each of `CALLS`."""
    best = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        round_of(CALLS)
        best = min(best, time.process_time() - begun)
    return best / CALLS * 1e6


def repeated(call: Callable[[], Any]) -> Callable[[int], None]:
    """A round of `call`."""

    def round_of(calls: int) -> None:
        for _ in range(calls):
            call()

    return round_of


def served() -> ModelSlot:
    """A slot that answers with the linear model, which has learned every row once."""
    text = workload.spec("{every: 1s}")
    spec = parse_spec(text)
    learner = build_learner(spec)
    for features, label in workload.rows():
        learner.learn([features], [label], [1.0])
    learner.changes()
    roots = learner.roots()
    predictor = build_predictor(spec, learner.state().serving, roots[0])
    manifest = Manifest(workload.NAME, 1, 1, 0, 1, b"\0" * 32, *roots, b"\0" * 32, 0, 1)
    slot = ModelSlot(workload.NAME, "live")
    slot.swap(LoadedVersion("store", manifest, spec, text, predictor, 1), 0.0, None)
    return slot


class NoLog:
    """Where feedback and predictions would go; the model logs none."""

    async def append(self, model: str, stream: Stream, events: Sequence[NewEvent]) -> list[Appended]:
        """Nothing is appended."""
        return []


def figures() -> Iterator[Figure]:
    """The route, and its parts."""
    slot = served()
    loaded = slot.current
    assert loaded is not None
    models = ServedModels()
    models.add(ServedModel(workload.NAME, loaded.spec, slots={"live": slot}))

    log = NoLog()
    predictions = PredictionLog(log, max_bytes=1 << 20, drain_s=0.0)
    routes = native_routes.NativeRoutes(models, log.append, predictions, SystemClock())
    row = workload.rows()[0][0]
    body = json.dumps({"features": row}).encode()
    decoder = native_routes.predict_decoder
    answer = answer_one(slot, row, "", 1.0)
    meter, gate = RequestMeter("benchmark"), QueueGate(0.05, 0.25, 1000)

    async def route(calls: int) -> None:
        for _ in range(calls):
            await routes.predict(workload.NAME, "", body, NO_DEADLINE)

    traffic = Traffic("benchmark", models.has)

    def counted() -> None:
        begun = time.perf_counter()
        meter.answered(slot, 1, begun)
        traffic.count("/v1/models/{model}:predict", workload.NAME, "200", time.perf_counter() - begun)

    def through_gate() -> None:
        now = time.monotonic()
        gate.enter(now)
        gate.leave(now)

    with asyncio.Runner() as runner:
        yield _figure("the whole route", microseconds(lambda calls: runner.run(route(calls))))
    parts: dict[str, Callable[[], Any]] = {
        "reading JSON": lambda: decode(decoder, body),
        "checking the row": lambda: loaded.check(row),
        "the model's prediction": lambda: loaded.predictor.predict(row),
        "an id": lambda: check_id(""),
        "the answer as JSON": lambda: msgspec.json.encode(native_routes.one_json(answer)),
        "metrics and statistics": counted,
        "the queue's gate": through_gate,
    }
    for name, call in parts.items():
        yield _figure(name, microseconds(repeated(call)))
    yield from over_grpc(models, predictions, row)


def over_grpc(models: ServedModels, predictions: PredictionLog, row: dict[str, float]) -> Iterator[Figure]:
    """The call over gRPC without gRPC itself, its parts, and what a bare echo does in its place."""
    raw = infer_request(row)
    inference = Inference(models, SystemClock(), lambda: "", "benchmark", predictions)
    served_calls = _Registered()
    InferenceServicer(inference, Traffic("benchmark", models.has), RoundBudget()).add_to(served_calls)
    requests, responses = KnownRequests(), KnownResponses()
    requests.learn(raw, messages.ModelInferRequest.FromString(raw))
    read = requests.read(raw)
    assert read is not None
    answer = inference.infer_row(workload.NAME, "", "", read.request.names, read.values)
    responses.write(workload.NAME, answer, raw=False)

    async def call(calls: int) -> None:
        infer = served_calls.handlers.service(_InferDetails).unary_unary
        for _ in range(calls):
            await infer(raw, None)

    with asyncio.Runner() as runner:
        yield _figure("gRPC: the whole call", microseconds(lambda calls: runner.run(call(calls))))
    parts: dict[str, Callable[[], Any]] = {
        "reading a request of a known form": lambda: requests.read(raw),
        "writing a response of a known form": lambda: responses.write(workload.NAME, answer, raw=False),
        "a bare echo, reading and writing": lambda: _echoed(raw),
    }
    for name, part in parts.items():
        yield _figure(f"gRPC: {name}", microseconds(repeated(part)))


def _echoed(raw: bytes) -> bytes:
    return bytes(service_pb2.ModelInferRequest.FromString(raw).SerializeToString())


class _InferDetails:
    method = INFER


class _Registered:
    """Stands for gRPC's server, and keeps what is registered with it."""

    handlers: Any

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        """As gRPC's."""
        [self.handlers] = handlers


def _figure(name: str, value: float) -> Figure:
    return Figure(f"answer_parts: {name}", rounded(value), "CPU-us")


def main() -> None:
    for figure in figures():
        print(figure.line(), flush=True)


if __name__ == "__main__":
    main()
