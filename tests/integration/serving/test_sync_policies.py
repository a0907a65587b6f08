"""Sync policies of a running model, switched by registering its spec with another `sync`."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.integration.serving.serving_stack import FRAUD, HandTrainer, Served, Stack, eventually

ROW = {"amount": 12.5, "hour": 7.0}


@pytest.fixture
async def served(stack: Stack) -> tuple[Served, HandTrainer]:
    """Serving that answers with version 1 of `fraud`, by watching."""
    trainer = await stack.trainer(FRAUD)
    await trainer.push()
    served = await stack.serving()
    await served.reaches("fraud", 1)
    return served, trainer


async def _set(stack: Stack, served: Served, sync: str, words: str) -> None:
    """Register `fraud` with the policy `sync`; returns once the process goes by it."""
    await stack.client.register_model(f"{FRAUD}sync: {sync}\n")

    async def goes_by_it() -> bool:
        return bool((await served.http.get("/v1/models/fraud")).json()["sync"] == words)

    await eventually(goes_by_it, f"the process never went by {words}")


def _rows(begin: int) -> list[tuple[dict[str, float], bool]]:
    return [({"amount": float(i), "hour": float(i % 24)}, i % 2 == 0) for i in range(begin, begin + 5)]


async def _reported(stack: Stack, words: str) -> None:
    async with asyncio.timeout(60):
        while [r.sync for r in await stack.client.list_readers("fraud")] != [words]:
            await asyncio.sleep(0.02)


async def test_pinning_holds_one_version_and_letting_go_takes_the_newest(
    stack: Stack, served: tuple[Served, HandTrainer]
) -> None:
    process, trainer = served
    for begin in (0, 5, 10):
        version = await trainer.push(_rows(begin))
    await process.reaches("fraud", version)

    await _set(stack, process, "{mode: pinned, version: 2}", "pinned 2")
    await process.reaches("fraud", 2)
    newest = await trainer.push(_rows(15))
    await _reported(stack, "pinned 2")
    held = await process.predict("fraud", ROW)
    await _set(stack, process, "{mode: watch}", "watch")
    await process.reaches("fraud", newest)

    assert held["model_version"] == 2


async def test_pinning_a_version_that_is_not_there_keeps_the_present_one_and_says_why(
    stack: Stack, served: tuple[Served, HandTrainer]
) -> None:
    process, _ = served

    await _set(stack, process, "{mode: pinned, version: 99}", "pinned 99")
    async with asyncio.timeout(60):
        while not (await process.http.get("/v1/models/fraud")).json()["channels"]["live"]["problem"]:
            await asyncio.sleep(0.02)
    answer = await process.predict("fraud", ROW)

    assert answer["model_version"] == 1


async def test_an_interval_takes_versions_in_its_own_time(
    stack: Stack, served: tuple[Served, HandTrainer]
) -> None:
    process, trainer = served

    await _set(stack, process, "{mode: interval, interval: 1h}", "interval 1h")
    # It asks at once, and then an hour later: what is pushed meanwhile would come with the first answer.
    sync = process.app.synchronizer._syncs["fraud", "live"]
    await eventually(lambda: sync.state.checked_at is not None, "the process never asked")
    await trainer.push(_rows(0))
    async with asyncio.timeout(60):
        while (hourly := await process.predict("fraud", ROW))["age_seconds"] < 1.2:
            await asyncio.sleep(0.05)
    await _set(stack, process, "{mode: interval, interval: 50ms}", "interval 50ms")
    await process.reaches("fraud", 2)

    assert hourly["model_version"] == 1


async def test_a_minimum_interval_paces_swaps_and_misses_nothing(
    stack: Stack, served: tuple[Served, HandTrainer]
) -> None:
    process, trainer = served
    await _set(stack, process, "{min_interval: 500ms}", "watch, at most every 500ms")
    swaps = _count(process, "riverrun_serving_swaps_total")
    before, began = await swaps(), time.monotonic()

    for begin in range(0, 100, 5):
        version = await trainer.push(_rows(begin))
    await process.reaches("fraud", version)

    # The first comes at once.
    assert await swaps() - before <= 1 + (time.monotonic() - began) / 0.5


def _count(process: Served, name: str) -> Any:
    async def read() -> float:
        text = (await process.http.get("/metrics")).text
        lines = [
            line for line in text.splitlines() if line.startswith(name + "{") and 'model="fraud"' in line
        ]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    return read


async def test_too_stale_refuses_that_model_alone_and_recovers(
    stack: Stack, served: tuple[Served, HandTrainer], specs: dict[str, str]
) -> None:
    process, _ = served
    houses = await stack.trainer(specs["houses"])
    await houses.push()
    await process.reaches("houses", 1)
    await stack.client.register_model(f"{FRAUD}sync: {{max_staleness: 2s, when_stale: refuse}}\n")
    live = process.app.models.model("fraud").slots["live"]
    await eventually(lambda: live.policy.max_staleness == 2, "the process never went by its staleness")
    async with asyncio.timeout(60):
        while (
            fresh := await process.http.post("/v1/models/fraud:predict", json={"features": ROW})
        ).status_code != 200:
            await asyncio.sleep(0.05)

    await stack.stop_server()
    async with asyncio.timeout(60):
        while (
            stale := await process.http.post("/v1/models/fraud:predict", json={"features": ROW})
        ).status_code == 200:
            await asyncio.sleep(0.05)
    other = await process.http.post("/v1/models/houses:predict", json={"features": {"rooms": 3}})
    ready = await process.http.get("/readyz")
    await stack.start_server_again()
    async with asyncio.timeout(60):
        while (
            await process.http.post("/v1/models/fraud:predict", json={"features": ROW})
        ).status_code != 200:
            await asyncio.sleep(0.05)

    assert fresh.status_code == 200
    assert stale.status_code == 503
    assert "max_staleness is 2 s" in stale.json()["error"]
    assert other.status_code == 200
    assert ready.status_code == 200
