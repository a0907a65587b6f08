"""Real clients of the Open Inference Protocol, of gRPC health and of reflection against real serving.

tritonclient is imported in the server's own process: two stubs of one package would not survive that.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc.aio as triton_grpc
import tritonclient.http as triton_http
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from tritonclient.utils import InferenceServerException


def _expected(trainer: Any, rows: list[dict[str, Any]], classes: list[Any]) -> tuple[list[Any], np.ndarray]:
    answers = [trainer.predict(row) for row in rows]
    shares = [[answer.probabilities[label] for label in classes] for answer in answers]
    return [answer.value for answer in answers], np.array(shares)


@pytest.mark.parametrize("binary", [False, True], ids=["json", "binary"])
@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
async def test_tritonclient_http_reads_predictions(
    clicks: tuple[Any, Any], binary: bool, compression: str | None
) -> None:
    served, trainer = clicks

    def call() -> Any:
        with triton_http.InferenceServerClient(f"127.0.0.1:{served.app.rest_port}") as client:
            assert client.is_server_live()
            assert client.is_server_ready()
            assert client.is_model_ready("clicks")
            assert client.is_model_ready("clicks", "2")
            age = triton_http.InferInput("age", [2], "INT64")
            age.set_data_from_numpy(np.array([30, 41], np.int64), binary_data=binary)
            country = triton_http.InferInput("country", [2], "BYTES")
            country.set_data_from_numpy(np.array(["fr", "nl"], object), binary_data=binary)
            outputs = [
                triton_http.InferRequestedOutput(name, binary_data=binary)
                for name in ("prediction", "probabilities")
            ]
            return client.infer(
                "clicks",
                [age, country],
                outputs=outputs,
                request_id="r7",
                request_compression_algorithm=compression,
            )

    result = await asyncio.to_thread(call)

    answer = result.get_response()
    classes = json.loads(result.get_output("probabilities")["parameters"]["classes"])
    values, shares = _expected(trainer, [{"age": 30, "country": "fr"}, {"age": 41, "country": "nl"}], classes)
    predicted = [v.decode() if isinstance(v, bytes) else v for v in result.as_numpy("prediction").tolist()]
    assert predicted == values
    assert (result.as_numpy("probabilities") == shares).all()
    assert (answer["id"], answer["model_version"]) == ("r7", "2")
    assert answer["parameters"]["version"] == 2
    assert answer["parameters"]["channel"] == "live"


async def test_tritonclient_http_works_with_its_defaults(fraud: tuple[Any, Any]) -> None:
    served, trainer = fraud

    def call() -> Any:
        with triton_http.InferenceServerClient(f"127.0.0.1:{served.app.rest_port}") as client:
            both = triton_http.InferInput("features", [1, 2], "FP32")
            both.set_data_from_numpy(np.array([[12.5, 3.0]], np.float32))
            return client.infer("fraud", [both])

    result = await asyncio.to_thread(call)

    expected = trainer.predict({"amount": 12.5, "hour": 3.0})
    assert result.as_numpy("prediction").tolist() == [expected.value]
    assert len(result.get_response()["id"]) == 32


async def test_tritonclient_http_shows_our_error_texts(fraud: tuple[Any, Any]) -> None:
    served, _ = fraud

    def call() -> None:
        with triton_http.InferenceServerClient(f"127.0.0.1:{served.app.rest_port}") as client:
            wrong = triton_http.InferInput("colour", [1], "FP64")
            wrong.set_data_from_numpy(np.array([1.0]), binary_data=False)
            client.infer("fraud", [wrong])

    with pytest.raises(
        InferenceServerException, match=r"inputs\.0\.colour: unknown feature; known: amount, hour"
    ):
        await asyncio.to_thread(call)


async def test_tritonclient_grpc_reads_predictions_and_metadata(clicks: tuple[Any, Any]) -> None:
    served, trainer = clicks
    client = triton_grpc.InferenceServerClient(served.grpc_address)
    age = triton_grpc.InferInput("age", [2], "INT64")
    age.set_data_from_numpy(np.array([30, 41], np.int64))
    country = triton_grpc.InferInput("country", [2], "BYTES")
    country.set_data_from_numpy(np.array(["fr", "nl"], object))

    async with client:
        assert await client.is_server_live()
        assert await client.is_server_ready()
        assert await client.is_model_ready("clicks", "live")
        metadata = await client.get_model_metadata("clicks", as_json=True)
        server = await client.get_server_metadata(as_json=True)
        result = await client.infer("clicks", [age, country], model_version="live", request_id="g1")

    classes = json.loads(result.get_output("probabilities").parameters["classes"].string_param)
    values, shares = _expected(trainer, [{"age": 30, "country": "fr"}, {"age": 41, "country": "nl"}], classes)
    assert [v.decode() for v in result.as_numpy("prediction").tolist()] == values
    assert (result.as_numpy("probabilities") == shares).all()
    assert result.get_response().model_version == "2"
    assert result.get_response().parameters["version"].int64_param == 2
    assert server["name"] == "riverrun"
    assert metadata["versions"] == ["2"]
    assert [(i["name"], i["datatype"], i["shape"]) for i in metadata["inputs"]] == [
        ("age", "INT64", ["-1"]),
        ("country", "BYTES", ["-1"]),
        ("member", "BOOL", ["-1"]),
    ]


async def test_typed_grpc_contents_are_answered_typed(fraud: tuple[Any, Any]) -> None:
    from riverrun_serving.grpc_edge import messages

    served, trainer = fraud
    request = messages.ModelInferRequest(model_name="fraud")
    for name, values in (("amount", [1.5, 2.5]), ("hour", [3.0, 4.0])):
        tensor = request.inputs.add(name=name, datatype="FP64", shape=[2, 1])
        tensor.contents.fp64_contents.extend(values)

    async with grpc.aio.insecure_channel(served.grpc_address) as channel:
        infer = channel.unary_unary(
            f"/{messages.SERVICE}/ModelInfer",
            request_serializer=messages.ModelInferRequest.SerializeToString,
            response_deserializer=messages.ModelInferResponse.FromString,
        )
        response = await infer(request, timeout=60)

    assert not response.raw_output_contents
    expected = [trainer.predict({"amount": 1.5, "hour": 3.0}), trainer.predict({"amount": 2.5, "hour": 4.0})]
    assert list(response.outputs[0].contents.bool_contents) == [answer.value for answer in expected]
    assert len(response.id) == 32


async def test_grpc_errors_have_the_texts_of_rest(fraud: tuple[Any, Any]) -> None:
    served, _ = fraud
    client = triton_grpc.InferenceServerClient(served.grpc_address)

    async with client:
        with pytest.raises(InferenceServerException) as unknown:
            await client.get_model_metadata("nobody")
        with pytest.raises(InferenceServerException) as version:
            await client.get_model_metadata("fraud", "99")

    assert unknown.value.status() == "StatusCode.NOT_FOUND"
    assert unknown.value.message() == "no model 'nobody'; there is: fraud"
    assert version.value.message() == "no version of model fraud '99'; there is: live (1)"


async def test_health_and_reflection_clients_see_the_service_and_each_model(clicks: tuple[Any, Any]) -> None:
    served, _ = clicks

    async with grpc.aio.insecure_channel(served.grpc_address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        statuses = {
            name: (await stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=60)).status
            for name in ("", "inference.GRPCInferenceService", "clicks")
        }

    def reflect() -> tuple[Any, Any]:
        with grpc.insecure_channel(served.grpc_address) as blocking:
            database = ProtoReflectionDescriptorDatabase(blocking)
            service = DescriptorPool(database).FindServiceByName("inference.GRPCInferenceService")
            return database.get_services(), [method.name for method in service.methods]

    services, methods = await asyncio.to_thread(reflect)
    assert set(statuses.values()) == {health_pb2.HealthCheckResponse.SERVING}
    assert "inference.GRPCInferenceService" in services
    assert "ModelInfer" in methods


async def test_the_repository_index_lists_versions_and_refuses_loading(clicks: tuple[Any, Any]) -> None:
    served, _ = clicks

    index = await served.http.post("/v2/repository/index")
    load = await served.http.post("/v2/repository/models/clicks/load")

    assert index.json() == [{"name": "clicks", "version": "2", "state": "READY", "reason": ""}]
    assert load.status_code == 400
    assert set(load.json()) == {"error"}
