"""Too much, too slow, too late: what serving does to clients that ask for more than their share.

Bounds in time are generous, since a busy machine decides. Does not cover goodput, nor how long those that are
let in wait: a benchmark has to measure these. Hundreds of slow clients, and larger bodies, are rows E4 and E5
of `tests/fault`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import grpc
import pytest
from prometheus_client import REGISTRY
from riverrun_serving.core.model_slot import ModelSlot
from riverrun_serving.grpc_edge import messages

from tests.integration.serving.oversize import Oversize, answer_to, oversizes
from tests.integration.serving.serving_stack import Served, eventually
from tests.integration.serving.slow_clients import begins_of, opened

ROW = {"features": {"amount": 1.0, "hour": 2.0}}
PREDICT = "/v1/models/fraud:predict"


class Computed:
    """Counts the rows that a slot's predictor computes, each taking `took_s` of the processor."""

    def __init__(self, slot: ModelSlot, took_s: float) -> None:
        assert slot.current is not None
        self.rows = 0
        self._took_s = took_s
        self._inner: Any = slot.current.predictor
        object.__setattr__(slot.current, "predictor", self)

    def predict(self, features: Any) -> Any:
        self.rows += 1
        end = time.perf_counter() + self._took_s
        while time.perf_counter() < end:
            pass
        return self._inner.predict(features)

    def predict_many(self, rows: Any) -> Any:
        return [self.predict(row) for row in rows]


def _slow(served: Served, took_s: float = 0.01) -> Computed:
    slot = served.app.models.model("fraud").live
    assert slot is not None
    return Computed(slot, took_s)


def _overloaded() -> float:
    return REGISTRY.get_sample_value("riverrun_serving_refused_total", {"reason": "OVERLOADED"}) or 0.0


def _post(path: str, body: Any, headers: str = "") -> bytes:
    text = json.dumps(body)
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {len(text)}\r\n\r\n{text}".encode()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)).decode()
    lines = head.split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    body = await asyncio.wait_for(reader.readexactly(int(headers["content-length"])), 60)
    return int(lines[0].split()[1]), headers, body


@contextlib.asynccontextmanager
async def _inference(served: Served) -> AsyncIterator[Callable[..., Any]]:
    """Makes a call over gRPC that asks for one row."""
    request = messages.ModelInferRequest(model_name="fraud")
    request.inputs.add(name="features", datatype="FP64", shape=[1, 2]).contents.fp64_contents.extend([1, 2])
    async with grpc.aio.insecure_channel(served.grpc_address) as channel:
        call = channel.unary_unary(f"/{messages.SERVICE}/ModelInfer")
        yield partial(call, request.SerializeToString())


async def _is_answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    try:
        writer.write(_post(PREDICT, ROW))
        return (await _answer(reader))[0] == 200
    except (OSError, asyncio.IncompleteReadError):
        return False


async def test_what_would_wait_too_long_is_refused_and_the_connection_goes_on(stack: Any, fraud: Any) -> None:
    served = await stack.serving(queue_standing_s=0.02, queue_burst_s=0.05, deadline_s=60)
    await served.reaches("fraud", 1)
    computed = _slow(served)
    connections = [await asyncio.open_connection("127.0.0.1", served.app.rest_port) for _ in range(60)]
    statuses: list[int] = []
    before = _overloaded()

    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(5):
            writer.write(_post(PREDICT, ROW))
            status, headers, body = await _answer(reader)
            statuses.append(status)
            if status == 503:
                assert headers["retry-after"] == "1"
                assert json.loads(body) == {"error": "the process is overloaded: try again later"}

    await asyncio.gather(*(ask(*connection) for connection in connections))
    probe = await served.http.get("/livez")
    after = await served.http.post(PREDICT, json=ROW)
    for _, writer in connections:
        writer.close()

    assert set(statuses) == {200, 503}
    assert len(statuses) == 300
    assert computed.rows == statuses.count(200) + 1
    assert (probe.status_code, after.status_code) == (200, 200)
    assert _overloaded() - before == statuses.count(503)


async def test_probes_and_feedback_are_let_in_however_many_predictions_wait(stack: Any, fraud: Any) -> None:
    served = await stack.serving(queue_requests=1, deadline_s=60)
    await served.reaches("fraud", 1)
    _slow(served, 0.2)

    async def predict() -> int:
        return (await served.http.post(PREDICT, json=ROW)).status_code

    async def others() -> set[int]:
        gets = [served.http.get(path) for path in ("/livez", "/readyz", "/metrics", "/v2/health/ready")]
        feedback = served.http.post("/v1/models/fraud:feedback", json=ROW | {"label": True})
        return {response.status_code for response in await asyncio.gather(*gets, feedback)}

    predicted, other = await asyncio.gather(asyncio.gather(*(predict() for _ in range(20))), others())

    assert 503 in predicted
    assert other == {200, 202}


async def test_what_is_past_its_deadline_is_never_computed(fraud: Any) -> None:
    served, _ = fraud
    computed = _slow(served, 0.3)
    infer = {"inputs": [{"name": "features", "datatype": "FP64", "shape": [1, 2], "data": [1.0, 2.0]}]}

    requests = [
        _post(PREDICT, ROW, "timeout: 60\r\n"),
        _post(PREDICT, ROW, "timeout: 0.05\r\n"),
        _post(PREDICT, ROW, "timeout: 50ms\r\n"),
        _post("/v2/models/fraud/infer", infer | {"parameters": {"timeout": 50_000}}),
    ]
    connections = [await asyncio.open_connection("127.0.0.1", served.app.rest_port) for _ in requests]
    for reader, writer in connections:
        # Once it has answered it has the connection: what is written next, to all of them, it reads at once.
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await _answer(reader))[0] == 200

    for (_, writer), request in zip(connections, requests, strict=True):
        writer.write(request)
    (first, _, _), *late = [await _answer(reader) for reader, _ in connections]
    for _, writer in connections:
        writer.close()

    refused = [body for status, _, body in late if status == 504]
    assert first == 200
    assert computed.rows == 1 + len(late) - len(refused)
    assert len(refused) >= 2, late
    assert b"the prediction: not answered within 0.05 s" in refused[0]


async def test_a_batch_ends_between_two_rows_once_its_deadline_has_passed(fraud: Any) -> None:
    served, _ = fraud
    computed = _slow(served, 0.02)
    rows = [ROW["features"]] * 500

    async def is_begun() -> bool:
        cut = await served.http.post(PREDICT, json={"instances": rows}, headers={"timeout": "200ms"})
        assert cut.status_code == 504
        return computed.rows > 0

    # Where the process stands still for so long, the deadline passes before the first row.
    await eventually(is_begun, "none of it was computed")
    assert computed.rows < len(rows)


@pytest.mark.parametrize("timeout", ["soon", "-1", "0", "nan", "1e9"])
async def test_a_timeout_that_is_none_is_refused_by_name(fraud: Any, timeout: str) -> None:
    served, _ = fraud

    refused = await served.http.post(PREDICT, json=ROW, headers={"timeout": timeout})

    assert refused.status_code == 422
    assert refused.json()["field"] == "timeout"


async def test_a_grpc_call_past_its_deadline_is_never_computed(fraud: Any) -> None:
    served, _ = fraud
    computed = _slow(served, 0.3)

    async with _inference(served) as infer:
        calls = [infer(timeout=0.5) for _ in range(20)]
        codes = [await call.code() for call in calls]

    assert grpc.StatusCode.DEADLINE_EXCEEDED in codes
    assert computed.rows < 20


async def test_a_grpc_call_beyond_the_bound_is_refused_and_the_next_is_answered(
    stack: Any, fraud: Any
) -> None:
    served = await stack.serving(queue_requests=2)
    await served.reaches("fraud", 1)
    release = asyncio.Event()

    async def message() -> AsyncIterator[bytes]:
        await release.wait()
        yield messages.ModelReadyRequest(name="fraud").SerializeToString()

    async def is_answered() -> bool:
        return bool(await infer(timeout=60).code() == grpc.StatusCode.OK)

    async with _inference(served) as infer, grpc.aio.insecure_channel(served.grpc_address) as channel:
        call = channel.stream_unary(f"/{messages.SERVICE}/ModelReady")
        codes = [asyncio.ensure_future(call(message(), timeout=120).code()) for _ in range(3)]
        refused, held = await asyncio.wait(codes, return_when=asyncio.FIRST_COMPLETED)
        release.set()
        answered = await asyncio.gather(*held)
        await eventually(is_answered, "a call after the bound was reached is refused")

    assert [code.result() for code in refused] == [grpc.StatusCode.RESOURCE_EXHAUSTED]
    assert answered == [grpc.StatusCode.OK] * 2


async def test_slow_clients_are_cut_off_and_hold_up_nobody(stack: Any, fraud: Any) -> None:
    served = await stack.serving(receive_s=1.0)
    await served.reaches("fraud", 1)
    begins = begins_of(_post(PREDICT, ROW))

    async with opened("127.0.0.1", served.app.rest_port, 40, begins) as slow:
        good = [(await served.http.post(PREDICT, json=ROW)).status_code for _ in range(20)]
        ends = await asyncio.gather(*(asyncio.wait_for(reader.read(), 60) for reader, _ in slow))
    again = await served.http.post(PREDICT, json=ROW)

    assert good == [200] * 20
    assert ends == [b""] * 40
    assert again.status_code == 200


async def test_a_slow_client_that_sends_on_is_cut_off_too(stack: Any, fraud: Any) -> None:
    served = await stack.serving(receive_s=0.4)
    await served.reaches("fraud", 1)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.app.rest_port)
    sent = 0

    async def drip() -> None:
        nonlocal sent
        for byte in _post(PREDICT, ROW, "X: " + "y" * 10_000 + "\r\n"):
            writer.write(bytes([byte]))
            sent += 1
            await asyncio.sleep(0.01)

    async def until_cut_off() -> bytes:
        try:
            return await reader.read()
        except ConnectionError:
            # It sent one more before it saw that the connection was closed.
            return b""

    dripping = asyncio.create_task(drip())
    end = await asyncio.wait_for(until_cut_off(), 60)
    dripping.cancel()
    writer.close()

    assert end == b""
    assert 0 < sent < 10_000


async def test_connections_beyond_the_bound_are_closed_and_room_is_made_again(stack: Any, fraud: Any) -> None:
    served = await stack.serving(max_connections=5)
    await served.reaches("fraud", 1)
    await served.http.aclose()
    held = [await asyncio.open_connection("127.0.0.1", served.app.rest_port) for _ in range(12)]

    answered = [await _is_answered(*connection) for connection in held]
    for _, writer in held:
        writer.close()

    async def room() -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.app.rest_port)
        with contextlib.closing(writer):
            return await _is_answered(reader, writer)

    assert 0 < sum(answered) <= 5
    await eventually(room, "no connection was taken again")


LIMIT = 1 << 16


@pytest.mark.parametrize("request_", oversizes(LIMIT), ids=str)
async def test_what_is_too_large_is_refused_before_it_is_read(
    stack: Any, fraud: Any, request_: Oversize
) -> None:
    served = await stack.serving(max_body_bytes=LIMIT)
    await served.reaches("fraud", 1)

    began = time.process_time()
    status = await answer_to(request_, "127.0.0.1", served.app.rest_port, PREDICT, 64 * LIMIT)
    spent_s = time.process_time() - began

    assert status == request_.status
    # The client's share is in it, too; a slow way would take seconds.
    assert spent_s < 1.0
    assert (await served.http.post(PREDICT, json=ROW)).status_code == 200
