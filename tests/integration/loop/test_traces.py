"""Traces as a collector gets them from real processes: what is a span, of which trace, and what it says.

Does not cover what the SDK does by itself: sampling, batches, limits.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import grpc
import httpx2 as httpx
import pytest
from riverrun_serving.grpc_edge import messages

from tests.integration.loop.collector import Collector, Sent
from tests.integration.loop.test_exactly_learned import RIVER_SPEC
from tests.stacks import PATIENCE_S, Stack, eventually

ROW = {"distance": 700.0, "speed": 1.0, "carrier": "UA"}
NEVER = ("livez", "readyz", "metrics", "health", "Health", "Watch", "OpenSession", "ServerLive", "ModelReady")

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Collector]]:
    """A stack whose every span goes to a collector here."""
    folder = tmp_path_factory.mktemp("traced")
    spec = folder / "model.yaml"
    spec.write_text(RIVER_SPEC)
    with pytest.MonkeyPatch.context() as environment, Collector().listening() as collector:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.port}")
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        # Spans that are not taken within it are lost, or sent twice.
        environment.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "60")
        stack = Stack([spec], folder / "data")
        try:
            yield stack.wait_ready(), collector
        finally:
            stack.stop()


class Caller:
    """A caller with a trace of its own."""

    def __init__(self) -> None:
        self.trace, self.span = secrets.token_hex(16), secrets.token_hex(8)

    @property
    def headers(self) -> dict[str, str]:
        return {"traceparent": f"00-{self.trace}-{self.span}-01"}

    def spans(self, collector: Collector, *names: str) -> list[Sent]:
        """The spans of this trace, once those of these names are there."""

        def there() -> list[Sent]:
            found = [span for span in collector.spans if span.trace == self.trace]
            return found if {span.name for span in found} >= set(names) else []

        return eventually(there, within_s=60, what=f"spans {names}")


def test_feedback_is_one_trace_from_the_caller_to_the_log(traced: tuple[Stack, Collector]) -> None:
    stack, collector = traced
    caller = Caller()

    answer = httpx.post(
        f"{stack.servings[0]}/v1/models/plain:feedback",
        json={"features": ROW, "label": True},
        headers=caller.headers,
        timeout=PATIENCE_S,
    )
    spans = caller.spans(collector, "POST /v1/models/{model}:feedback", "append", "Append")

    assert answer.status_code == 202
    by_name = {span.name: span for span in spans}
    edge, append, log = by_name["POST /v1/models/{model}:feedback"], by_name["append"], by_name["Append"]
    assert (edge.service, edge.parent) == ("riverrun-serving", caller.span)
    assert edge.attributes["http.response.status_code"] == 202
    assert edge.attributes["riverrun.model"] == "plain"
    assert (append.parent, append.attributes["riverrun.rows"]) == (edge.id, 1)
    assert (log.service, log.parent) == ("riverrun-param-server", append.id)


def test_what_was_learned_is_published_and_applied_in_spans_that_name_the_version(
    traced: tuple[Stack, Collector],
) -> None:
    stack, collector = traced

    httpx.post(
        f"{stack.servings[0]}/v1/models/plain:feedback",
        json={"features": ROW, "label": True},
        timeout=PATIENCE_S,
    ).raise_for_status()
    published = eventually(lambda: collector.named("publish", model="plain"), what="a span of a publish")[-1]
    version = published.attributes["riverrun.version"]
    stored = eventually(
        lambda: [span for span in collector.named("Push") if span.parent == published.id], what="its push"
    )
    applied = eventually(
        lambda: [
            span
            for span in collector.named("apply version", model="plain", channel="live")
            if span.attributes.get("riverrun.version", 0) >= version
        ],
        what="a span of its use",
    )

    assert published.service == "riverrun-trainer"
    assert published.attributes["riverrun.bytes"] > 0
    assert stored[0].service == "riverrun-param-server"
    assert applied[0].service == "riverrun-serving"
    assert applied[0].attributes["riverrun.bytes"] > 0


def test_predictions_over_rest_name_their_model_version_channel_and_rows(
    traced: tuple[Stack, Collector],
) -> None:
    stack, collector = traced
    caller = Caller()

    answer = httpx.post(
        f"{stack.servings[0]}/v1/models/plain:predict",
        json={"instances": [ROW, ROW]},
        headers=caller.headers,
        timeout=PATIENCE_S,
    )
    (span,) = caller.spans(collector, "POST /v1/models/{model}:predict")

    assert span.parent == caller.span
    assert not span.failed
    said = {key: span.attributes[f"riverrun.{key}"] for key in ("model", "version", "channel", "rows")}
    version = answer.json()["model_version"]
    assert said == {"model": "plain", "version": version, "channel": "live", "rows": 2}


def test_predictions_over_grpc_are_spans_with_their_status(traced: tuple[Stack, Collector]) -> None:
    stack, collector = traced
    good, bad = Caller(), Caller()
    request = messages.ModelInferRequest(model_name="plain")
    for name, value in ROW.items():
        text = isinstance(value, str)
        tensor = request.inputs.add(name=name, datatype="BYTES" if text else "FP64", shape=[1])
        if text:
            tensor.contents.bytes_contents.append(value.encode())
        else:
            tensor.contents.fp64_contents.append(value)
    port = stack.record("serving-0").ports["grpc"]

    def infer(caller: Caller, asked: Any) -> grpc.StatusCode:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = channel.unary_unary(f"/{messages.SERVICE}/ModelInfer")
            try:
                call(asked.SerializeToString(), metadata=tuple(caller.headers.items()), timeout=60)
            except grpc.RpcError as error:
                return error.code()
        return grpc.StatusCode.OK

    codes = infer(good, request), infer(bad, messages.ModelInferRequest(model_name="nobody"))
    (answered,), (refused,) = good.spans(collector, "ModelInfer"), bad.spans(collector, "ModelInfer")

    assert codes == (grpc.StatusCode.OK, grpc.StatusCode.NOT_FOUND)
    assert answered.attributes["rpc.grpc.status_code"] == 0
    assert answered.attributes["riverrun.model"] == "plain"
    assert refused.attributes["rpc.grpc.status_code"] == grpc.StatusCode.NOT_FOUND.value[0]
    assert not refused.failed


def test_probes_metrics_and_endless_streams_are_no_spans(traced: tuple[Stack, Collector]) -> None:
    stack, collector = traced
    caller = Caller()
    for path in ("/livez", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready"):
        httpx.get(stack.servings[0] + path, headers=caller.headers, timeout=PATIENCE_S)

    last = Caller()
    unknown = f"{stack.servings[0]}/v1/models/none:predict"
    httpx.post(unknown, json={}, headers=last.headers, timeout=PATIENCE_S)
    last.spans(collector, "POST /v1/models/{model}:predict")

    assert [span for span in collector.spans if span.trace == caller.trace] == []
    assert [span for span in collector.spans if any(word in span.name for word in NEVER)] == []
