"""Requests with some of their bytes wrong: none is an error of ours, and none costs the next one."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from typing import Any

import grpc
import pytest
from riverrun_serving.grpc_edge import messages

SIZES = [400, pytest.param(10_000, marks=[pytest.mark.full, pytest.mark.timeout(900)])]
SEED = 20261128
PATHS: list[tuple[str, Any]] = [
    ("/v1/models/fraud:predict", {"features": {"amount": 12.5, "hour": 3.0}, "id": "x"}),
    ("/v1/models/fraud:predict", {"instances": [{"amount": 1.0}, {"hour": 2.0}]}),
    ("/v1/models/fraud/versions/live:predict", {"features": {"amount": 1}}),
    ("/v1/models/fraud:feedback", [{"id": "a", "features": {"amount": 1.0}, "label": True, "weight": 2}]),
    (
        "/v2/models/fraud/infer",
        {
            "id": "x",
            "inputs": [{"name": "features", "datatype": "FP64", "shape": [1, 2], "data": [1.0, 2.0]}],
            "outputs": [{"name": "prediction", "parameters": {"binary_data": True}}],
        },
    ),
    ("/v2/repository/index", {"ready": True}),
]
VALUES: list[Any] = [None, True, -1, 2**70, 1e308, "", "é\x00", [], [[1]], {}, {"a": {"b": 1}}, "x" * 5000]


def _other_bytes(chance: random.Random, whole: bytes) -> bytes:
    """`whole` with a few bytes flipped, cut, doubled or put in."""
    broken = bytearray(whole)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(broken) + 1)
        match chance.randrange(4):
            case 0 if at < len(broken):
                broken[at] ^= 1 << chance.randrange(8)
            case 1:
                del broken[at : at + chance.randint(1, 20)]
            case 2:
                broken[at:at] = broken[at : at + chance.randint(1, 50)]
            case _:
                broken[at:at] = chance.randbytes(chance.randint(1, 8))
    return bytes(broken)


def _other_value(chance: random.Random, document: Any) -> Any:
    """`document` with one of its values, or a key, replaced."""
    if not isinstance(document, dict | list) or not document or chance.random() < 0.3:
        return chance.choice(VALUES)
    changed = json.loads(json.dumps(document))
    if isinstance(changed, list):
        at = chance.randrange(len(changed))
        changed[at] = _other_value(chance, changed[at])
        return changed
    key = chance.choice(list(changed))
    if chance.random() < 0.2:
        changed[chance.choice(["", "é", "x" * 300])] = changed.pop(key)
    else:
        changed[key] = _other_value(chance, changed[key])
    return changed


@pytest.mark.parametrize("count", SIZES)
async def test_malformed_rest_requests_are_refused_and_the_next_is_answered(fraud: Any, count: int) -> None:
    served, _ = fraud
    chance = random.Random(SEED)
    statuses: Counter[int] = Counter()
    wrong = []

    for _ in range(count):
        path, document = chance.choice(PATHS)
        if chance.random() < 0.5:
            body = _other_bytes(chance, json.dumps(document).encode())
        else:
            body = json.dumps(_other_value(chance, document)).encode()
        headers = {}
        if chance.random() < 0.2:
            headers["Inference-Header-Content-Length"] = chance.choice(["0", "7", "-1", "x", str(len(body))])
        if chance.random() < 0.1:
            headers["Content-Encoding"] = chance.choice(["gzip", "deflate", "br"])
        response = await served.http.post(path, content=body, headers=headers)
        statuses[response.status_code] += 1
        if response.status_code >= 500:
            wrong.append((path, body, headers, response.text))

    assert wrong == []
    assert statuses[422] + statuses[400] > count / 3, statuses
    assert (await served.predict("fraud", {"amount": 1.0}))["model_version"] == 1


async def test_what_is_no_http_ends_its_connection_and_no_other(fraud: Any) -> None:
    served, _ = fraud
    chance = random.Random(SEED)
    whole = b'POST /v1/models/fraud:predict HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\n\r\n{"features":{}}'

    async def ask(data: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.app.rest_port)
        writer.write(data)
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 60)
        writer.close()
        return answer[:12]

    answers = [await ask(_other_bytes(chance, whole)) for _ in range(100)]

    assert not [answer for answer in answers if answer.startswith(b"HTTP/1.1 5")], answers
    assert len([answer for answer in answers if answer.startswith(b"HTTP/1.1 4")]) > 25, answers
    assert (await served.predict("fraud", {"amount": 1.0}))["model_version"] == 1


@pytest.mark.parametrize("count", SIZES)
async def test_malformed_grpc_requests_are_refused_and_the_next_is_answered(fraud: Any, count: int) -> None:
    served, _ = fraud
    chance = random.Random(SEED)
    request = messages.ModelInferRequest(model_name="fraud", id="x")
    tensor = request.inputs.add(name="features", datatype="FP64", shape=[1, 2])
    tensor.contents.fp64_contents.extend([1.0, 2.0])
    whole = request.SerializeToString()
    methods = ["ModelInfer"] * 4 + [
        method.name
        for method in messages.POOL.FindServiceByName(messages.SERVICE).methods
        if method.name != "ModelStreamInfer"
    ]
    codes: Counter[grpc.StatusCode] = Counter()
    wrong = []

    async with grpc.aio.insecure_channel(served.grpc_address) as channel:
        for _ in range(count):
            method = chance.choice(methods)
            data = _other_bytes(chance, whole)
            call = channel.unary_unary(f"/{messages.SERVICE}/{method}")(data, timeout=60)
            code = await call.code()
            codes[code] += 1
            if code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN):
                wrong.append((method, data, await call.details()))
        last = await channel.unary_unary(f"/{messages.SERVICE}/ModelInfer")(whole, timeout=60).code()

    assert wrong == []
    assert codes[grpc.StatusCode.INVALID_ARGUMENT] > count / 4, codes
    assert last == grpc.StatusCode.OK
