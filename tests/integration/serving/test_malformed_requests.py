"""Requests with something in them wrong: none is an error of ours, and none costs the next one.

Ten thousand of each, and what they cost the process, are row E3 of `tests/fault`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import grpc
from riverrun_serving.grpc_edge.messages import SERVICE

from tests.integration.serving.malformed import Malformed

COUNT = 400
SEED = 20261128


def made() -> Malformed:
    return Malformed("fraud", ("amount", "hour"), True, SEED)


async def test_malformed_rest_requests_are_refused_and_the_next_is_answered(fraud: Any) -> None:
    served, _ = fraud
    malformed = made()
    statuses: Counter[int] = Counter()
    wrong = []

    for _ in range(COUNT):
        request = malformed.rest()
        response = await served.http.post(request.path, content=request.body, headers=request.headers)
        statuses[response.status_code] += 1
        if response.status_code >= 500:
            wrong.append((request, response.text))

    assert wrong == []
    assert statuses[422] + statuses[400] > COUNT / 3, statuses
    assert (await served.predict("fraud", {"amount": 1.0}))["model_version"] == 1


async def test_what_is_no_http_ends_its_connection_and_no_other(fraud: Any) -> None:
    served, _ = fraud
    malformed = made()

    async def ask(data: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.app.rest_port)
        writer.write(data)
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 60)
        writer.close()
        return answer[:12]

    answers = [await ask(malformed.http()) for _ in range(100)]

    assert not [answer for answer in answers if answer.startswith(b"HTTP/1.1 5")], answers
    assert len([answer for answer in answers if answer.startswith(b"HTTP/1.1 4")]) > 25, answers
    assert (await served.predict("fraud", {"amount": 1.0}))["model_version"] == 1


async def test_malformed_grpc_requests_are_refused_and_the_next_is_answered(fraud: Any) -> None:
    served, _ = fraud
    malformed = made()
    codes: Counter[grpc.StatusCode] = Counter()
    wrong = []

    async with grpc.aio.insecure_channel(served.grpc_address) as channel:
        for _ in range(COUNT):
            method, data = malformed.call()
            call = channel.unary_unary(method)(data, timeout=60)
            code = await call.code()
            codes[code] += 1
            if code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN):
                wrong.append((method, data, await call.details()))
        last = channel.unary_unary(f"/{SERVICE}/ModelInfer")(malformed.whole_call, timeout=60)

        assert wrong == []
        assert codes[grpc.StatusCode.INVALID_ARGUMENT] > COUNT / 4, codes
        assert await last.code() == grpc.StatusCode.OK
