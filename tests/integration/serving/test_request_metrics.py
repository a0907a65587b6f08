"""What is counted of requests: each by route, model and outcome, and never by what callers make up."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from urllib.parse import quote

import grpc
import pytest
from prometheus_client import REGISTRY
from riverrun_serving.grpc_edge import messages
from riverrun_serving.rest_edge.places import NOWHERE, Place, place_of

from tests.integration.serving.serving_stack import eventually
from tests.integration.serving.test_overload import PREDICT, ROW, _answer, _slow

INFER = {"inputs": [{"name": "features", "datatype": "FP64", "shape": [1, 2], "data": [1.0, 2.0]}]}
SERIES = re.compile(r"^riverrun_serving_request_seconds_count\{(.*)\} (\S+)$")


async def _counts(served: Any) -> dict[tuple[str, str, str], float]:
    """By (route, model, code)."""
    found: dict[tuple[str, str, str], float] = {}
    for line in (await served.http.get("/metrics")).text.splitlines():
        if match := SERIES.match(line):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', match[1]))
            found[labels["route"], labels["model"], labels["code"]] = float(match[2])
    return found


async def _grown(served: Any, before: dict[tuple[str, str, str], float]) -> dict[tuple[str, str, str], float]:
    now = await _counts(served)
    return {key: value - before.get(key, 0) for key, value in now.items() if value != before.get(key, 0)}


async def _grows_to(
    served: Any, before: dict[tuple[str, str, str], float], expected: dict[tuple[str, str, str], float]
) -> None:
    """A caller may hear of an error over gRPC a moment before it is counted."""

    async def all_counted() -> bool:
        return sum((await _grown(served, before)).values()) >= sum(expected.values())

    await eventually(all_counted, "not every call was counted")
    assert await _grown(served, before) == expected


def _request(model: str = "fraud") -> bytes:
    request = messages.ModelInferRequest(model_name=model)
    request.inputs.add(name="features", datatype="FP64", shape=[1, 2]).contents.fp64_contents.extend([1, 2])
    return bytes(request.SerializeToString())


async def test_requests_are_counted_by_route_model_and_code(fraud: Any) -> None:
    served, _ = fraud
    before = await _counts(served)
    post, get = served.http.post, served.http.get

    for _ in range(2):
        await post(PREDICT, json=ROW)
    await post("/v1/models/fraud/versions/live:predict", json=ROW)
    await post(PREDICT, json={"features": {"amount": "much"}})
    await post("/v1/models/nobody:predict", json=ROW)
    await post("/v1/models/fraud:feedback", json=ROW | {"label": True})
    await post("/v2/models/fraud/infer", json=INFER)
    await get("/v2/models/fraud")
    for probe in ("/livez", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready", "/v1/models"):
        await get(probe)

    assert await _grown(served, before) == {
        ("/v1/models/{model}:predict", "fraud", "200"): 3,
        ("/v1/models/{model}:predict", "fraud", "422"): 1,
        ("/v1/models/{model}:predict", "", "404"): 1,
        ("/v1/models/{model}:feedback", "fraud", "202"): 1,
        ("/v2/models/{model}/infer", "fraud", "200"): 1,
        ("/v2", "fraud", "200"): 1,
    }


async def test_calls_over_grpc_are_counted_alike(fraud: Any) -> None:
    served, _ = fraud
    before = await _counts(served)

    async with grpc.aio.insecure_channel(served.grpc_address) as channel:

        async def code(method: str, request: bytes) -> grpc.StatusCode:
            call = channel.unary_unary(f"/{messages.SERVICE}/{method}")(request, timeout=60)
            return await call.code()

        for _ in range(3):  # the second is read by its form, the third by what was learned of both
            await code("ModelInfer", _request())
        await code("ModelInfer", _request("nobody"))
        await code("ModelInfer", b"\xff\xff")
        await code("ModelMetadata", messages.ModelMetadataRequest(name="fraud").SerializeToString())
        await code("ServerLive", b"")
        stream = channel.stream_stream(f"/{messages.SERVICE}/ModelStreamInfer")(iter([_request()]))
        assert len([one async for one in stream]) == 1

    expected = {
        ("ModelInfer", "fraud", "OK"): 3.0,
        ("ModelInfer", "", "NOT_FOUND"): 1.0,
        ("ModelInfer", "", "INVALID_ARGUMENT"): 1.0,
        ("ModelMetadata", "fraud", "OK"): 1.0,
        ("ModelStreamInfer", "fraud", "OK"): 1.0,
    }
    await _grows_to(served, before, expected)


async def test_what_is_refused_for_overload_is_counted_too(stack: Any, fraud: Any) -> None:
    served = await stack.serving(queue_requests=2, deadline_s=60)
    await served.reaches("fraud", 1)
    _slow(served, 0.05)
    before = await _counts(served)

    answers = await asyncio.gather(*(served.http.post(PREDICT, json=ROW) for _ in range(20)))

    refused = [answer for answer in answers if answer.status_code == 503]
    assert refused
    assert (await _grown(served, before))["/v1/models/{model}:predict", "fraud", "503"] == len(refused)


async def test_calls_that_nobody_waited_for_are_counted_as_unanswered(fraud: Any) -> None:
    served, _ = fraud
    _slow(served, 0.3)
    before = await _counts(served)
    grown: dict[tuple[str, str, str], float] = {}
    codes: list[grpc.StatusCode] = []

    async with grpc.aio.insecure_channel(served.grpc_address) as channel:
        infer = channel.unary_unary(f"/{messages.SERVICE}/ModelInfer")

        async def one_is_unanswered() -> bool:
            """Of a machine that stands still, calls may end before they are sent: nobody counts those."""
            nonlocal grown
            calls = [infer(_request(), timeout=0.5) for _ in range(20)]
            codes.extend([await call.code() for call in calls])
            await infer(_request(), timeout=60)
            grown = await _grown(served, before)
            return ("ModelInfer", "", "UNANSWERED") in grown

        await eventually(one_is_unanswered, "no call was counted as unanswered")

    assert grpc.StatusCode.DEADLINE_EXCEEDED in codes
    assert sum(grown.values()) <= len(codes) * 21 / 20


def _series() -> int:
    families = [family for family in REGISTRY.collect() if family.name.startswith("riverrun_serving")]
    return sum(len(family.samples) for family in families)


@pytest.mark.parametrize("count", [5_000, pytest.param(100_000, marks=pytest.mark.full)])
async def test_odd_names_make_no_series_of_their_own(fraud: Any, count: int) -> None:
    """E13: labels are from a fixed set, whatever callers send."""
    served, _ = fraud
    kinds = (
        "/v1/models/{}:predict",
        "/v1/models/{}:feedback",
        "/v2/models/{}/infer",
        "/v2/models/{}",
        "/v2/{}",
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", served.app.rest_port)
    statuses: set[int] = set()
    series: list[int] = []

    for begin in range(0, count, 50):
        for number in range(begin, begin + 50):
            odd = quote(f"n{number}\x1b[31m\r\n" + "é" * (number % 100), safe="")
            method = ("POST", "GET", "PATCH")[number % 3]
            path = kinds[number % 5].format(odd)
            head = f"{method} /{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"
            writer.write(head.encode() + b"{}")
        for _ in range(50):
            statuses.add((await _answer(reader))[0])
        series.append(_series())
    writer.close()

    assert statuses <= {404, 405}
    assert set(series) == {series[0]}


def test_a_place_is_a_route_without_what_is_in_it() -> None:
    assert place_of("/v1/models/a:predict") == Place("/v1/models/{model}:predict", "a")
    assert place_of("/v1/models/a/versions/7:predict") == Place("/v1/models/{model}:predict", "a")
    assert place_of("/v1/models/a:feedback") == Place("/v1/models/{model}:feedback", "a")
    assert place_of("/v2/models/a/versions/7/infer") == Place("/v2/models/{model}/infer", "a")
    assert place_of("/v2/models/a/ready") == Place("/v2", "a")
    assert place_of("/v2") == Place("/v2", "")
    for path in ("/livez", "/v1/models/a", "/v1/models", "/v2/health/live", "/v3/models/a/infer", ""):
        assert place_of(path) == NOWHERE
