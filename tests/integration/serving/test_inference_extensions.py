"""Versions, the repository, statistics, configuration, streams and health, as tritonclient asks for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc.aio as triton_grpc
import tritonclient.http as triton_http
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tritonclient.utils import InferenceServerException

ROWS = np.array([[12.5, 3.0], [1.0, 2.0]])
STATUS = health_pb2.HealthCheckResponse


@pytest.fixture
async def grpc_client(fraud: tuple[Any, Any]) -> AsyncIterator[Any]:
    async with triton_grpc.InferenceServerClient(fraud[0].grpc_address) as client:
        yield client


def _features(rows: np.ndarray, module: Any = triton_grpc) -> Any:
    tensor = module.InferInput("features", list(rows.shape), "FP64")
    tensor.set_data_from_numpy(rows)
    return tensor


@pytest.mark.parametrize("version", ["", "live", "1"])
async def test_a_version_is_named_by_channel_or_number_on_every_route(
    fraud: tuple[Any, Any], grpc_client: Any, version: str
) -> None:
    served, _ = fraud

    def over_http() -> str:
        with triton_http.InferenceServerClient(f"127.0.0.1:{served.app.rest_port}") as client:
            assert client.is_model_ready("fraud", version)
            assert client.get_model_metadata("fraud", version)["versions"] == ["1"]
            assert client.get_model_config("fraud", version)["backend"] == "riverrun"
            stats = client.get_inference_statistics("fraud", version)["model_stats"]
            assert [one["version"] for one in stats] == ["1"]
            return str(
                client.infer("fraud", [_features(ROWS, triton_http)], version).get_response()["model_version"]
            )

    answer = await grpc_client.infer("fraud", [_features(ROWS)], version)
    native = await served.http.post(
        f"/v1/models/fraud{'/versions/' + version if version else ''}:predict", json={"features": {}}
    )

    assert await asyncio.to_thread(over_http) == "1"
    assert answer.get_response().model_version == "1"
    assert native.json()["model_version"] == 1


@pytest.mark.parametrize("version", ["7", "candidate"])
async def test_a_version_that_is_not_loaded_is_answered_with_those_that_are(
    fraud: tuple[Any, Any], grpc_client: Any, version: str
) -> None:
    served, _ = fraud
    path = f"/versions/{version}"

    told = [
        await served.http.get(f"/v2/models/fraud{path}"),
        await served.http.get(f"/v2/models/fraud{path}/ready"),
        await served.http.get(f"/v2/models/fraud{path}/config"),
        await served.http.get(f"/v2/models/fraud{path}/stats"),
        await served.http.post(f"/v1/models/fraud{path}:predict", json={"features": {}}),
    ]
    with pytest.raises(InferenceServerException) as over_grpc:
        await grpc_client.infer("fraud", [_features(ROWS)], version)

    expected = f"no version of model fraud '{version}'; there is: live (1)"
    assert {response.status_code for response in told} == {404}
    assert {response.json()["error"] for response in told} == {expected}
    assert over_grpc.value.message() == expected
    assert over_grpc.value.status() == "StatusCode.NOT_FOUND"


async def test_the_index_lists_each_version_once_and_says_what_is_not_ready(
    stack: Any, fraud: tuple[Any, Any], specs: dict[str, str], grpc_client: Any
) -> None:
    served, _ = fraud
    await stack.trainer(specs["houses"])

    async def both_there() -> list[str]:
        while len(names := (await served.http.get("/v2/models")).json()["models"]) < 2:
            await asyncio.sleep(0.01)
        return list(names)

    assert await asyncio.wait_for(both_there(), 60) == ["fraud", "houses"]

    over_rest = (await served.http.post("/v2/repository/index")).json()
    ready = (await served.http.post("/v2/repository/index", json={"ready": True})).json()
    over_grpc = (await grpc_client.get_model_repository_index(as_json=True))["models"]

    fraud_entry = {"name": "fraud", "version": "1", "state": "READY", "reason": ""}
    assert over_rest[0] == fraud_entry
    assert (over_rest[1]["name"], over_rest[1]["state"]) == ("houses", "UNAVAILABLE")
    assert over_rest[1]["reason"].startswith("not trained yet")
    assert ready == [fraud_entry]
    assert [(one["name"], one["state"]) for one in over_grpc] == [
        ("fraud", "READY"),
        ("houses", "UNAVAILABLE"),
    ]


async def test_loading_and_unloading_say_where_versions_come_from(
    fraud: tuple[Any, Any], grpc_client: Any
) -> None:
    served, _ = fraud

    over_rest = [await served.http.post(f"/v2/repository/models/fraud/{verb}") for verb in ("load", "unload")]
    told = []
    for call in (grpc_client.load_model, grpc_client.unload_model):
        with pytest.raises(InferenceServerException) as refused:
            await call("fraud")
        told.append((refused.value.status(), refused.value.message()))

    text = "versions come from the parameter server: use promote, pin or rollback"
    assert [(one.status_code, one.json()) for one in over_rest] == [(400, {"error": text})] * 2
    assert told == [("StatusCode.INVALID_ARGUMENT", text)] * 2


async def test_statistics_count_requests_rows_and_refusals_over_all_protocols(
    fraud: tuple[Any, Any], grpc_client: Any
) -> None:
    served, _ = fraud
    began_ms = int(1000 * time.time())

    await grpc_client.infer("fraud", [_features(ROWS)])
    await grpc_client.infer("fraud", [_features(ROWS[:1])])
    await served.predict("fraud", {"amount": 1.0})
    assert (await served.http.post("/v1/models/fraud:predict", json={"features": {"no": 1}})).is_error
    with pytest.raises(InferenceServerException):
        await grpc_client.infer("fraud", [_features(np.array([[1.0]]))])

    over_grpc = (await grpc_client.get_inference_statistics("fraud", as_json=True))["model_stats"]
    over_rest = (await served.http.get("/v2/models/stats")).json()["model_stats"]
    (one,) = over_rest
    sums = one["inference_stats"]
    assert (one["name"], one["inference_count"], one["execution_count"]) == ("fraud", 4, 3)
    assert (sums["success"]["count"], sums["fail"]["count"], sums["queue"]["count"]) == (3, 2, 0)
    assert sums["success"]["ns"] > 0
    assert sums["fail"]["ns"] > 0
    assert began_ms - 1000 <= one["last_inference"] <= int(1000 * time.time()) + 1000
    assert over_grpc[0]["inference_stats"]["fail"]["count"] == "2"
    assert over_grpc[0]["inference_count"] == "4"


async def test_the_configuration_says_what_may_be_left_out(clicks: tuple[Any, Any]) -> None:
    served, _ = clicks

    async with triton_grpc.InferenceServerClient(served.grpc_address) as client:
        config = (await client.get_model_config("clicks")).config

    inputs = [(one.name, one.data_type, list(one.dims), one.optional) for one in config.input]
    assert config.max_batch_size == 0
    assert inputs == [("age", 9, [-1], False), ("country", 13, [-1], True), ("member", 1, [-1], True)]
    assert [(one.name, one.data_type) for one in config.output] == [("prediction", 13), ("probabilities", 12)]


async def test_a_stream_answers_in_order_and_survives_a_bad_request(
    fraud: tuple[Any, Any], grpc_client: Any
) -> None:
    _, trainer = fraud

    async def asked() -> AsyncIterator[dict[str, Any]]:
        for number, model in enumerate(["fraud", "nobody", "fraud"]):
            row = np.array([[float(number), 2.0]])
            yield {"model_name": model, "inputs": [_features(row)], "request_id": f"s{number}"}

    answers = [(result, error) async for result, error in grpc_client.stream_infer(asked())]

    good = [result for result, error in answers if error is None]
    assert [result.get_response().id for result in good] == ["s0", "s2"]
    assert [result.as_numpy("prediction")[0] for result in good] == [
        trainer.predict({"amount": float(number), "hour": 2.0}).value for number in (0, 2)
    ]
    assert [error.message() for _, error in answers if error is not None] == [
        "no model 'nobody'; there is: fraud"
    ]


async def test_health_watch_follows_a_model_from_its_registration_to_its_weights(
    stack: Any, fraud: tuple[Any, Any], specs: dict[str, str]
) -> None:
    served, _ = fraud

    async with grpc.aio.insecure_channel(served.grpc_address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service="houses"))

        async def heard() -> Any:
            return (await asyncio.wait_for(watch.read(), 60)).status

        seen = [await heard()]
        trainer = await stack.trainer(specs["houses"])
        seen.append(await heard())
        await trainer.push()
        seen.append(await heard())
        watch.cancel()

    assert seen == [STATUS.SERVICE_UNKNOWN, STATUS.NOT_SERVING, STATUS.SERVING]
