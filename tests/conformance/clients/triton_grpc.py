"""tritonclient over gRPC: raw contents, blocking, streamed and `.aio`; and typed contents by its stubs."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncIterator
from typing import Any

import grpc as grpcio
import numpy as np
import tritonclient.grpc as grpc
import tritonclient.grpc.aio as aio
from checks import AGES, COUNTRIES, EXPECTED, GRPC, NUMBERS, check, fails_with, same
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException


def numbers(module: Any) -> list[Any]:
    tensor = module.InferInput("features", [len(NUMBERS), 2], "FP64")
    tensor.set_data_from_numpy(np.array(NUMBERS))
    return [tensor]


def categories(module: Any) -> list[Any]:
    ages = module.InferInput("age", [len(AGES)], "INT64")
    ages.set_data_from_numpy(np.array(AGES, np.int64))
    countries = module.InferInput("country", [len(COUNTRIES)], "BYTES")
    countries.set_data_from_numpy(np.array(COUNTRIES, object))
    return [ages, countries]


def judge(result: Any, model: str) -> None:
    predicted = [
        one.decode() if isinstance(one, bytes) else one for one in result.as_numpy("prediction").tolist()
    ]
    same(predicted, EXPECTED[model]["predictions"])
    same(result.as_numpy("probabilities").tolist(), EXPECTED[model]["probabilities"])
    same(result.get_response().parameters["channel"].string_param, "live")


def typed() -> Any:
    request = service_pb2.ModelInferRequest(model_name="clicks")
    ages = request.inputs.add(name="age", datatype="INT64", shape=[len(AGES)])
    ages.contents.int64_contents.extend(AGES)
    countries = request.inputs.add(name="country", datatype="BYTES", shape=[len(COUNTRIES)])
    countries.contents.bytes_contents.extend(one.encode() for one in COUNTRIES)
    return request


def blocking() -> None:
    with grpc.InferenceServerClient(GRPC) as client:
        with check("health and metadata"):
            same(
                [client.is_server_live(), client.is_server_ready(), client.is_model_ready("fraud")],
                [True] * 3,
            )
            same(client.get_server_metadata().name, "riverrun")
            same(list(client.get_model_metadata("fraud", "live").versions), ["1"])
        with check("infer with raw contents"):
            judge(client.infer("fraud", numbers(grpc)), "numbers")
            judge(client.infer("clicks", categories(grpc)), "categories")
        with check("versions by number and by channel"):
            for version in ("1", "live"):
                same(client.infer("fraud", numbers(grpc), version).get_response().model_version, "1")
            fails_with(
                "there is: live (1)",
                InferenceServerException,
                lambda: client.infer("fraud", numbers(grpc), "7"),
            )
        with check("packed by gzip"):
            judge(client.infer("fraud", numbers(grpc), compression_algorithm="gzip"), "numbers")
        with check("a stream of requests"):
            answers: queue.Queue[Any] = queue.Queue()
            client.start_stream(lambda result, error: answers.put((result, error)))
            for model in ("fraud", "nobody", "fraud"):
                client.async_stream_infer(model, numbers(grpc))
            found = [answers.get(timeout=30) for _ in range(3)]
            client.stop_stream()
            judge(found[0][0], "numbers")
            same("no model 'nobody'" in str(found[1][1]), True)
            judge(found[2][0], "numbers")
        with check("repository index, configuration, statistics"):
            same({one.name for one in client.get_model_repository_index().models}, {"fraud", "clicks"})
            same(client.get_model_config("fraud").config.max_batch_size, 0)
            same(client.get_inference_statistics("fraud").model_stats[0].version, "1")
        with check("the texts of our errors"):
            fails_with(
                "no model 'nobody'", InferenceServerException, lambda: client.get_model_metadata("nobody")
            )
            fails_with("versions come from", InferenceServerException, lambda: client.load_model("fraud"))
    with grpcio.insecure_channel(GRPC) as channel, check("typed contents by its stubs"):
        response = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(typed(), timeout=30)
        same(list(response.raw_output_contents), [])
        predicted = [one.decode() for one in response.outputs[0].contents.bytes_contents]
        same(predicted, EXPECTED["categories"]["predictions"])


async def asynchronous() -> None:
    async with aio.InferenceServerClient(GRPC) as client:
        with check("`.aio`: health, metadata, infer"):
            same(await client.is_server_ready(), True)
            same((await client.get_model_metadata("fraud")).name, "fraud")
            judge(await client.infer("fraud", numbers(aio)), "numbers")
        with check("`.aio`: a stream of requests"):

            async def asked() -> AsyncIterator[dict[str, Any]]:
                for _ in range(3):
                    yield {"model_name": "fraud", "inputs": numbers(aio)}

            async for result, error in client.stream_infer(asked()):
                same(error, None)
                judge(result, "numbers")


blocking()
asyncio.run(asynchronous())
