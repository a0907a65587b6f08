"""The controller over a real parameter server, and an API server that takes Jobs; no cluster runs them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from riverrun_trainer.retrain_jobs.app import serve
from riverrun_trainer.retrain_jobs.controller import SETTING
from riverrun_trainer.retrain_jobs.settings import RetrainJobsSettings

from riverrun.runtime.lifecycle import Stop
from tests.integration.retraining.retrain_stack import FORGETS_NOTHING, Retraining
from tests.integration.security.fake_api_server import FakeApiServer

JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"generateName": "rr-retrain-"},
    "spec": {"template": {"spec": {"containers": [{"name": "retrain", "env": []}]}}},
}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[FakeApiServer]:
    folder = tmp_path / "api"
    folder.mkdir()
    async with FakeApiServer(folder).running() as server:
        yield server


@contextlib.asynccontextmanager
async def controller(address: str, api: FakeApiServer, folder: Path) -> AsyncIterator[None]:
    (folder / "job.json").write_text(json.dumps(JOB))
    settings = RetrainJobsSettings(
        http_port=0,
        param_server=address,
        job=folder / "job.json",
        namespace="here",
        again_s=0.2,
        api_server=api.url,
        api_ca_file=api.ca,
        api_token_file=api.own_token,
    )
    stop = Stop()
    task = asyncio.create_task(serve(settings, stop))
    try:
        yield
    finally:
        stop.ask()
        await asyncio.wait_for(task, 60)


async def made(api: FakeApiServer, name: str) -> None:
    async with asyncio.timeout(60):
        while name not in api.jobs:
            await asyncio.sleep(0.02)


async def test_each_retrain_gets_a_job_of_its_own_and_none_that_is_over(
    retraining: Retraining, api: FakeApiServer, tmp_path: Path
) -> None:
    await retraining.stack.client.register_model(FORGETS_NOTHING)
    await retraining.stack.position(0)
    await retraining.retrains.start("toy")
    await retraining.retrains.cancel("toy")

    async with controller(retraining.stack.address, api, tmp_path):
        await retraining.retrains.start("toy")
        await made(api, "rr-retrain-toy-3")

    job = api.jobs["rr-retrain-toy-3"]
    assert job["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": SETTING, "value": "toy:3"}]
    assert job["metadata"]["namespace"] == "here"
    assert list(api.jobs) == ["rr-retrain-toy-3"]


async def test_a_job_that_is_gone_before_its_time_is_made_again_also_after_the_api_server_was_away(
    retraining: Retraining, api: FakeApiServer, tmp_path: Path
) -> None:
    await retraining.stack.client.register_model(FORGETS_NOTHING)
    await retraining.stack.position(0)
    await retraining.retrains.start("toy")

    async with controller(retraining.stack.address, api, tmp_path):
        await made(api, "rr-retrain-toy-2")
        api.is_away = True
        api.jobs.clear()
        refused = api.refused
        async with asyncio.timeout(60):
            while api.refused == refused:
                await asyncio.sleep(0.02)
        api.is_away = False
        await made(api, "rr-retrain-toy-2")
