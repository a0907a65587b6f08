"""tritonclient over REST, blocking and `.aio`."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import tritonclient.http as http
import tritonclient.http.aio as aio
from checks import AGES, COUNTRIES, EXPECTED, NUMBERS, REST, check, fails_with, same
from tritonclient.utils import InferenceServerException


def numbers(module: Any, *, binary: bool = True, kind: type = np.float64) -> list[Any]:
    tensor = module.InferInput("features", [len(NUMBERS), 2], "FP64" if kind is np.float64 else "FP32")
    tensor.set_data_from_numpy(np.array(NUMBERS, kind), binary_data=binary)
    return [tensor]


def categories(module: Any, *, binary: bool = True) -> list[Any]:
    ages = module.InferInput("age", [len(AGES)], "INT64")
    ages.set_data_from_numpy(np.array(AGES, np.int64), binary_data=binary)
    countries = module.InferInput("country", [len(COUNTRIES)], "BYTES")
    countries.set_data_from_numpy(np.array(COUNTRIES, object), binary_data=binary)
    return [ages, countries]


def wanted(module: Any, *, binary: bool) -> list[Any]:
    return [module.InferRequestedOutput(name, binary_data=binary) for name in ("prediction", "probabilities")]


def judge(result: Any, model: str) -> None:
    predicted = [
        one.decode() if isinstance(one, bytes) else one for one in result.as_numpy("prediction").tolist()
    ]
    same(predicted, EXPECTED[model]["predictions"])
    same(result.as_numpy("probabilities").tolist(), EXPECTED[model]["probabilities"])
    same(result.get_response()["parameters"]["channel"], "live")


def blocking() -> None:
    with http.InferenceServerClient(REST) as client:
        with check("health and metadata"):
            same(
                [client.is_server_live(), client.is_server_ready(), client.is_model_ready("fraud")],
                [True] * 3,
            )
            same(client.get_server_metadata()["name"], "riverrun")
            same(client.get_model_metadata("fraud", "live")["versions"], ["1"])
        with check("infer as it does by default: binary both ways"):
            judge(client.infer("fraud", numbers(http)), "numbers")
            judge(client.infer("clicks", categories(http)), "categories")
        with check("infer in JSON both ways"):
            judge(
                client.infer("fraud", numbers(http, binary=False), outputs=wanted(http, binary=False)),
                "numbers",
            )
            outputs = wanted(http, binary=False)
            judge(client.infer("clicks", categories(http, binary=False), outputs=outputs), "categories")
        with check("infer with FP32"):
            judge(client.infer("fraud", numbers(http, kind=np.float32)), "numbers")
        for algorithm in ("gzip", "deflate"):
            with check(f"infer packed by {algorithm}"):
                judge(
                    client.infer("fraud", numbers(http), request_compression_algorithm=algorithm), "numbers"
                )
        with check("versions by number and by channel"):
            for version in ("1", "live"):
                same(client.infer("fraud", numbers(http), version).get_response()["model_version"], "1")
            fails_with(
                "there is: live (1)",
                InferenceServerException,
                lambda: client.infer("fraud", numbers(http), "7"),
            )
        with check("asynchronous calls of the blocking client"):
            calls = [client.async_infer("fraud", numbers(http)) for _ in range(4)]
            for call in calls:
                judge(call.get_result(), "numbers")
        with check("repository index, configuration, statistics"):
            same({one["name"] for one in client.get_model_repository_index()}, {"fraud", "clicks"})
            same(client.get_model_config("fraud")["max_batch_size"], 0)
            same(client.get_inference_statistics("fraud")["model_stats"][0]["version"], "1")
        with check("the texts of our errors"):
            fails_with(
                "no model 'nobody'", InferenceServerException, lambda: client.get_model_metadata("nobody")
            )
            fails_with("versions come from", InferenceServerException, lambda: client.load_model("fraud"))


async def asynchronous() -> None:
    async with aio.InferenceServerClient(REST) as client:
        with check("`.aio`: health, metadata, infer"):
            same(await client.is_server_ready(), True)
            same((await client.get_model_metadata("fraud"))["name"], "fraud")
            judge(await client.infer("fraud", numbers(aio)), "numbers")
            judge(await client.infer("clicks", categories(aio, binary=False)), "categories")


blocking()
asyncio.run(asynchronous())
