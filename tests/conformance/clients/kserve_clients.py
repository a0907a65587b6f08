"""kserve's REST client, v2 and v1, and its gRPC client."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import numpy as np
from checks import AGES, COUNTRIES, EXPECTED, GRPC, NUMBERS, REST, check, same
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

URL = f"http://{REST}"


def numbers(*, binary: bool) -> Any:
    tensor = InferInput("features", [len(NUMBERS), 2], "FP64")
    tensor.set_data_from_numpy(np.array(NUMBERS), binary_data=binary)
    return InferRequest("fraud", [tensor])


def categories(*, binary: bool) -> Any:
    ages = InferInput("age", [len(AGES)], "INT64")
    ages.set_data_from_numpy(np.array(AGES, np.int64), binary_data=binary)
    countries = InferInput("country", [len(COUNTRIES)], "BYTES")
    countries.set_data_from_numpy(np.array(COUNTRIES, object), binary_data=binary)
    return InferRequest("clicks", [ages, countries])


def judge(response: Any, model: str) -> None:
    outputs = {output.name: output.as_numpy().reshape(-1).tolist() for output in response.outputs}
    predicted = [one.decode() if isinstance(one, bytes) else one for one in outputs["prediction"]]
    same(predicted, EXPECTED[model]["predictions"])
    same(outputs["probabilities"], [share for row in EXPECTED[model]["probabilities"] for share in row])
    same(bool(response.id), True)
    channel = response.parameters["channel"]
    same(channel if isinstance(channel, str) else channel.string_param, "live")


async def rest_v2() -> None:
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    with check("REST, v2: live, ready, model ready"):
        same(await client.is_server_live(URL), True)
        same(await client.is_server_ready(URL), True)
        same(await client.is_model_ready(URL, "fraud"), True)
    for binary in (True, False):
        with check(f"REST, v2: infer {'as binary' if binary else 'in JSON'}"):
            judge(await client.infer(URL, numbers(binary=binary), model_name="fraud"), "numbers")
            judge(await client.infer(URL, categories(binary=binary), model_name="clicks"), "categories")
    with check("REST, v2: the texts of our errors"):
        try:
            await client.infer(URL, numbers(binary=False), model_name="nobody")
        except httpx.HTTPStatusError as error:
            same("no model 'nobody'" in str(error), True)
        else:
            raise AssertionError("an unknown model was answered")
    await client.close()


async def rest_v1() -> None:
    client = InferenceRESTClient(RESTConfig(protocol="v1"))
    with check("REST, v1: live, model ready"):
        same(await client.is_server_live(URL), True)
        same(await client.is_model_ready(URL, "fraud"), True)
    with check("REST, v1: predict"):
        instances = [{"amount": amount, "hour": hour} for amount, hour in NUMBERS]
        answer = await client.infer(URL, {"instances": instances}, model_name="fraud")
        same([one["prediction"] for one in answer["predictions"]], EXPECTED["numbers"]["predictions"])
    await client.close()


async def over_grpc() -> None:
    client = InferenceGRPCClient(GRPC)
    with check("gRPC: live, ready, model ready"):
        same(await client.is_server_live(), True)
        same(await client.is_server_ready(), True)
        same(await client.is_model_ready("fraud"), True)
    for binary in (True, False):
        with check(f"gRPC: infer with {'raw' if binary else 'typed'} contents"):
            judge(await client.infer(numbers(binary=binary)), "numbers")
            judge(await client.infer(categories(binary=binary)), "categories")
    await client.close()


async def main() -> None:
    await rest_v2()
    await rest_v1()
    await over_grpc()


asyncio.run(main())
