"""What breaks servers of the Open Inference Protocol that real clients call: one test for each trap.

The clients that fall into them are run against serving in `test_inference_clients.py` and, with kserve's and
MLServer's, by `make conformance`; here it is bytes and fields.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import struct
import subprocess
import sys
import zlib
from typing import Any

import grpc
import pytest
from riverrun_serving.grpc_edge import messages

ROW = {"inputs": [{"name": "features", "datatype": "FP64", "shape": [1, 2], "data": [12.5, 3.0]}]}


def _infer(channel: grpc.aio.Channel) -> Any:
    return channel.unary_unary(
        f"/{messages.SERVICE}/ModelInfer",
        request_serializer=messages.ModelInferRequest.SerializeToString,
        response_deserializer=messages.ModelInferResponse.FromString,
    )


def _request(*, raw: bool) -> Any:
    request = messages.ModelInferRequest(model_name="fraud")
    tensor = request.inputs.add(name="features", datatype="FP64", shape=[2, 2])
    numbers = [12.5, 3.0, 1.0, 2.0]
    if raw:
        request.raw_input_contents.append(struct.pack("<4d", *numbers))
    else:
        tensor.contents.fp64_contents.extend(numbers)
    return request


async def test_1_tensors_may_be_binary_in_the_request_and_in_the_answer(fraud: tuple[Any, Any]) -> None:
    served, trainer = fraud
    tensor = {"name": "features", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 8}}
    text = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()

    response = await served.http.post(
        "/v2/models/fraud/infer",
        content=text + struct.pack("<2f", 12.5, 3.0),
        headers={"Inference-Header-Content-Length": str(len(text))},
    )

    end = int(response.headers["Inference-Header-Content-Length"])
    outputs = json.loads(response.content[:end])["outputs"]
    expected = trainer.predict({"amount": 12.5, "hour": 3.0})
    shares = [expected.probabilities[label] for label in json.loads(outputs[1]["parameters"]["classes"])]
    assert [output["parameters"]["binary_data_size"] for output in outputs] == [1, 8 * len(shares)]
    assert struct.unpack(f"<?{len(shares)}d", response.content[end:]) == (expected.value, *shares)


@pytest.mark.parametrize("kind", ["", "Content-Type: application/octet-stream\r\n"], ids=["none", "octets"])
@pytest.mark.parametrize(
    ("path", "body"),
    [("/v2/models/fraud/infer", ROW), ("/v1/models/fraud:predict", {"features": {"amount": 12.5}})],
    ids=["infer", "predict"],
)
async def test_2_a_body_needs_no_content_type(
    fraud: tuple[Any, Any], path: str, body: dict[str, Any], kind: str
) -> None:
    served, _ = fraud
    text = json.dumps(body)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{kind}Content-Length: {len(text)}\r\n\r\n"
    )

    reader, writer = await asyncio.open_connection("127.0.0.1", served.app.rest_port)
    writer.write((head + text).encode())
    answer = await asyncio.wait_for(reader.read(), 60)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 200 "), answer


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v2/models/fraud/infer", b"{", 400),
        ("POST", "/v2/models/fraud/infer", b'{"inputs": 7}', 400),
        ("POST", "/v2/models/fraud/infer", b'{"inputs": []}', 400),
        ("GET", "/v2/models/nobody", b"", 404),
        ("GET", "/v2/models/fraud/versions/99", b"", 404),
        ("GET", "/v2/nothing", b"", 404),
        ("DELETE", "/v2/models/fraud", b"", 405),
        ("GET", "/v2/models/fraud/infer", b"", 405),
        ("POST", "/v2/models/fraud/infer", b" " * (5 << 20), 413),
    ],
)
async def test_3_every_error_is_an_object_with_one_string(
    fraud: tuple[Any, Any], method: str, path: str, body: bytes, status: int
) -> None:
    served, _ = fraud

    response = await served.http.request(method, path, content=body)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["error"]
    assert isinstance(response.json()["error"], str)


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "typed"])
async def test_4_grpc_outputs_have_the_form_of_the_inputs(fraud: tuple[Any, Any], raw: bool) -> None:
    served, trainer = fraud

    async with grpc.aio.insecure_channel(served.grpc_address) as channel:
        response = await _infer(channel)(_request(raw=raw), timeout=60)

    expected = [trainer.predict({"amount": a, "hour": h}).value for a, h in ((12.5, 3.0), (1.0, 2.0))]
    if raw:
        assert not any(output.HasField("contents") for output in response.outputs)
        assert list(struct.unpack("<2?", response.raw_output_contents[0])) == expected
    else:
        assert not response.raw_output_contents
        assert list(response.outputs[0].contents.bool_contents) == expected


@pytest.mark.parametrize("first", ["riverrun_serving.app", "tritonclient.grpc"])
def test_5_other_stubs_of_the_package_live_in_the_same_process(first: str) -> None:
    second = {"riverrun_serving.app", "tritonclient.grpc"} - {first}

    done = subprocess.run(
        [sys.executable, "-c", f"import {first}, {second.pop()}"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


async def test_6_version_and_channel_are_parameters_of_the_answer_too(fraud: tuple[Any, Any]) -> None:
    served, _ = fraud

    over_rest = (await served.http.post("/v2/models/fraud/infer", json=ROW)).json()
    async with grpc.aio.insecure_channel(served.grpc_address) as channel:
        over_grpc = await _infer(channel)(_request(raw=True), timeout=60)

    assert over_rest["parameters"]["version"] == 1
    assert over_rest["parameters"]["channel"] == "live"
    assert over_grpc.parameters["version"].int64_param == 1
    assert over_grpc.parameters["channel"].string_param == "live"


async def test_7_no_parameter_of_an_answer_is_a_double(fraud: tuple[Any, Any]) -> None:
    served, _ = fraud

    async with grpc.aio.insecure_channel(served.grpc_address) as channel:
        response = await _infer(channel)(_request(raw=False), timeout=60)

    parameters = [*response.parameters.values()]
    parameters += [one for output in response.outputs for one in output.parameters.values()]
    kinds = {parameter.WhichOneof("parameter_choice") for parameter in parameters}
    assert kinds == {"int64_param", "string_param"}


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("", lambda body: body),
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body, wbits=-15)),
    ],
    ids=["plain", "gzip", "zlib", "bare deflate"],
)
async def test_8_answers_have_an_id_and_bodies_may_be_packed(
    fraud: tuple[Any, Any], encoding: str, packed: Any
) -> None:
    served, _ = fraud
    headers = {"Content-Encoding": encoding} if encoding else {}

    ids = [
        (
            await served.http.post(
                "/v2/models/fraud/infer", content=packed(json.dumps(ROW | given).encode()), headers=headers
            )
        ).json()["id"]
        for given in ({}, {}, {"id": "mine"})
    ]

    assert ids[2] == "mine"
    assert ids[0] != ids[1]
    assert all(len(one) == 32 for one in ids[:2])
