"""Specs in a folder, the HTTP side, health and reflection."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import httpx2
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from pydantic import ValidationError
from riverrun_param_server.settings import ParamServerSettings

from riverrun.core.errors import InvalidSpec, StaleBase
from riverrun.core.versions import ModelInfo
from riverrun.rpc.channels import open_channel
from tests.integration.param_server.param_stack import (
    OTHER_LINE,
    OTHER_POLICY,
    SPEC,
    Stack,
    stack_over,
)


async def models_with_revision(stack: Stack, revision: int) -> list[ModelInfo]:
    async with asyncio.timeout(60):
        while True:
            models = await stack.client.list_models()
            if models and models[0].spec_revision == revision:
                return models
            await asyncio.sleep(0.02)


async def test_specs_in_a_folder_are_registered_and_changes_followed(
    settings: ParamServerSettings, tmp_path: Path
) -> None:
    folder = tmp_path / "specs"
    folder.mkdir()
    (folder / "flights.yaml").write_text(SPEC)
    (folder / "wrong.yaml").write_text("name: [")
    (folder / "notes.txt").write_text("not a spec")
    async with stack_over(settings.model_copy(update={"specs": folder})) as stack:
        assert [m.name for m in await stack.client.list_models()] == ["flights"]

        (folder / "flights.yaml").write_text(OTHER_POLICY)
        (model,) = await models_with_revision(stack, 2)
        assert len(model.lines) == 1
        (folder / "flights.yaml").unlink()
        (folder / "renamed.yaml").write_text(OTHER_LINE)
        (model,) = await models_with_revision(stack, 3)
        assert len(model.lines) == 2


async def test_the_same_spec_again_and_a_stale_revision(stack: Stack) -> None:
    first, opened = await stack.client.register_model(SPEC)
    again, opened_again = await stack.client.register_model(SPEC)

    assert (opened, opened_again) == (True, False)
    assert again == first
    with pytest.raises(StaleBase):
        await stack.client.register_model(OTHER_POLICY, base_spec_revision=7)
    with pytest.raises(InvalidSpec) as caught:
        await stack.client.register_model(SPEC + "colour: red\n")
    assert (caught.value.field, caught.value.line) == ("colour", 7)


async def test_a_factory_that_no_pod_may_import_is_refused_by_name(settings: ParamServerSettings) -> None:
    spec = "name: own\ntask: binary\nfactory: their.code:make\nfeatures: {distance: float}\n"
    async with stack_over(settings) as stack:
        with pytest.raises(InvalidSpec, match=r"their\.code:make is not allowed"):
            await stack.client.register_model(spec)
        assert await stack.client.list_models() == []
    allowing = settings.model_copy(update={"factories": ("their.code:make",)})
    async with stack_over(allowing) as stack:
        info, _ = await stack.client.register_model(spec)
    assert info.name == "own"


async def test_two_registrations_of_one_name_at_once_make_one_model(stack: Stack) -> None:
    found = await asyncio.gather(*(stack.client.register_model(SPEC) for _ in range(8)))

    assert sum(opened for _, opened in found) == 1
    assert len(await stack.client.list_models()) == 1


async def test_http_says_live_ready_and_shows_metrics(stack: Stack) -> None:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{stack.running.http_port}", timeout=60) as http:
        assert (await http.get("/livez")).json() == {"live": True}
        assert (await http.get("/readyz")).json() == {"ready": True}
        assert "riverrun_param_server_push_seconds" in (await http.get("/metrics")).text


async def test_health_and_reflection_name_both_services(stack: Stack) -> None:
    names = {"riverrun.api.params.v1.ParameterService", "riverrun.api.events.v1.EventLog"}

    def reflected() -> set[str]:
        with grpc.insecure_channel(stack.address) as channel:
            return set(ProtoReflectionDescriptorDatabase(channel).get_services())

    channel = open_channel(stack.address)
    stub = health_pb2_grpc.HealthStub(channel)
    for name in ["", *names]:
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=60)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    await channel.close()
    assert names <= await asyncio.to_thread(reflected)


async def test_another_address_than_loopback_must_be_asked_for_out_loud(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="insecure"):
        ParamServerSettings(host="0.0.0.0", data=tmp_path)

    assert ParamServerSettings(host="0.0.0.0", insecure=True, data=tmp_path).insecure
